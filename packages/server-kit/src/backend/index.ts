/** Requests to the one backend. Knows neither the MCP SDK nor any tool. */
export type { BackendCall } from './attempt.ts'
export type { Connector } from './connector.ts'
export { within } from './deadline.ts'
export { exchange, type ReadRequest } from './exchange.ts'
export { authoriseReads, type ReadEndpoint, type ReadingFetch } from './reading-fetch.ts'
