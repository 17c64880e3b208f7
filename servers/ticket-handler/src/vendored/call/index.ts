/** What a tool is, and the order of a call. Knows neither the MCP SDK nor a backend. */
export { type Counter, createCounter } from './counter.ts'
export { CodedError, type ErrorCode } from './errors.ts'
export { parseMessage } from './message.ts'
export { isPlain, plainEnd, plainLine, plainText, untrustedLine, untrustedText } from './text.ts'
export { type CallContext, defineTool, type ReadTool, type Tool } from './tool.ts'
