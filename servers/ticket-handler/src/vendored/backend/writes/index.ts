/** Requests that write. A server that only reads does not have this folder. */
export { type WriteRequest, writeOnce } from './write-once.ts'
export { authoriseWrites, type WriteEndpoint, type WritingFetch } from './writing-fetch.ts'
