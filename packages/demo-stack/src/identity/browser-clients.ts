import type { Provider } from 'oidc-provider'

/** Whether a page comes from this machine: a client under development in a browser. */
export function isLoopbackOrigin(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin)
}

/** Lets pages on loopback register a client: the one endpoint for which the library has no CORS. */
export function allowRegistration(path: string): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const origin = ctx.get('Origin')
    if (ctx.path !== path || !isLoopbackOrigin(origin)) {
      await next()
      return
    }
    ctx.vary('Origin')
    ctx.set('Access-Control-Allow-Origin', origin)
    if (ctx.method !== 'OPTIONS') {
      await next()
      return
    }
    ctx.set('Access-Control-Allow-Methods', 'POST')
    ctx.set('Access-Control-Allow-Headers', 'Content-Type, MCP-Protocol-Version')
    ctx.status = 204
  }
}
