/** The remote transport: MCP over HTTP, as an OAuth 2.1 resource server. */
export type { Dependencies } from './health.ts'
export { type Addresses, type HttpOptions, type OAuth, serveHttp } from './serve-http.ts'
