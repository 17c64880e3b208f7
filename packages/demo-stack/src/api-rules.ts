import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { ApiName, Scope } from './api-keys.ts'
import { closed, ERROR_REPLY, IDEMPOTENCY_HEADER } from './json-schema.ts'
import { invalid, Refusal } from './refusal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route: everyone, any key of this API, or keys with one scope. Every API route must set it. */
    access?: 'open' | 'any key' | Scope
  }
}

/** Counts one request of a caller. Resolves to the seconds to wait if the caller is over the limit, or to null. */
export type RateLimiter = (request: FastifyRequest) => Promise<number | null>

interface ApiIdentity {
  api: ApiName
  title: string
  description: string
  limiter: RateLimiter
}

const ERRORS = {
  400: refusal('Invalid request'),
  401: refusal('Missing or unknown API key'),
  403: refusal('The API key does not allow this request'),
  404: refusal('Not found'),
  429: refusal('Too many requests; Retry-After gives the seconds to wait'),
  500: refusal('Internal error'),
}
const WRITE_ERRORS = {
  409: refusal('Conflict with stored data'),
  413: refusal('Request body too large'),
  415: refusal('Request body is not JSON'),
  422: refusal('Idempotency-Key was already used for a different request'),
}
const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Adds what all three APIs share to a Fastify plugin: API keys with scopes, the rate limit, strict schemas,
 * `GET /whoami`, and the OpenAPI description at `GET /openapi.json`.
 * Call it before adding routes, because it does not protect routes that were added earlier.
 */
export async function applyApiRules(app: FastifyInstance, { api, title, description, limiter }: ApiIdentity) {
  app.addSchema(ERROR_REPLY)
  await app.register(swagger, openApiOptions(title, description, app.prefix))
  app.addHook('onRoute', completeSchema)

  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config
    if (access === 'open') return
    const { caller } = request
    if (caller === null) {
      reply.header('WWW-Authenticate', 'Bearer')
      throw new Refusal(401, 'unauthenticated', 'missing or unknown API key; send Authorization: Bearer <key>')
    }
    const waitSeconds = await limiter(request)
    if (waitSeconds !== null) {
      reply.header('Retry-After', waitSeconds)
      throw new Refusal(429, 'rate_limited', `too many requests; try again in ${waitSeconds} seconds`)
    }
    if (caller.api !== api) throw new Refusal(403, 'forbidden', `this API key is not valid for the ${api} API`)
    if (access !== 'any key' && !caller.scopes.includes(access ?? '')) {
      throw new Refusal(403, 'forbidden', `this API key does not have the scope ${access}`)
    }
  })

  app.addHook('preHandler', async request => {
    for (const value of Object.values(request.body ?? {})) {
      // JSON can escape a lone surrogate, which cannot be stored as UTF-8.
      if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
        throw invalid('body must be well-formed Unicode without lone surrogates')
    }
  })

  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, async () => app.swagger())
  app.get(
    '/whoami',
    {
      config: { access: 'any key' },
      schema: {
        operationId: 'whoami',
        summary: 'Get the name, API and scopes of the API key',
        response: {
          200: closed({
            name: { type: 'string' },
            api: { type: 'string' },
            scopes: { type: 'array', items: { type: 'string' } },
          }),
        },
      },
    },
    async ({ caller }) => ({ name: caller?.name, api: caller?.api, scopes: caller?.scopes }),
  )
}

function openApiOptions(title: string, description: string, prefix: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version: '1.0.0' },
      servers: [{ url: prefix }],
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, i) => String(json.$id ?? `schema-${i}`) },
  }
}

function completeSchema(route: RouteOptions): void {
  const access = route.config?.access
  if (access === undefined) throw new Error(`${String(route.method)} ${route.url} has no access setting`)
  if (access === 'open') return
  const write = WRITES.includes(String(route.method))
  route.schema = {
    querystring: closed({}),
    security: [{ apiKey: [] }],
    ...(access !== 'any key' && { 'x-required-scope': access }),
    ...(write && { headers: IDEMPOTENCY_HEADER }),
    ...route.schema,
    response: {
      ...(route.schema?.response as object | undefined),
      ...ERRORS,
      ...(write && WRITE_ERRORS),
    },
  }
}

function refusal(description: string) {
  return { description, $ref: 'Error#' }
}
