import type { Provider } from 'oidc-provider'

/** Whether an origin is on this machine, as for a browser client under development. */
export function isLoopbackOrigin(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin)
}

/** Lets web pages on loopback register a client. The library supports CORS for all endpoints except this one. */
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
