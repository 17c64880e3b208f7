import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { ApiName, Scope } from './api-keys.ts'
import { closed, ERROR_REPLY, IDEMPOTENCY_HEADER } from './json-schema.ts'
import { invalid, Refusal } from './refusal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller must hold: nothing, any key of this API, or one scope. Every route of an API states it. */
    access?: 'open' | 'any key' | Scope
  }
}

/** Counts one request of a caller. Resolves to the seconds to wait when that was one too many, else null. */
export type Meter = (request: FastifyRequest) => Promise<number | null>

interface ApiIdentity {
  api: ApiName
  title: string
  description: string
  meter: Meter
}

const ERRORS = {
  400: refusal('Invalid request'),
  401: refusal('No known API key'),
  403: refusal('The key is not for this'),
  404: refusal('No such record'),
  429: refusal('Too many requests; Retry-After tells the seconds to wait'),
  500: refusal('Failure inside the backend'),
}
const WRITE_ERRORS = {
  409: refusal('In conflict with what is stored'),
  413: refusal('Body too large'),
  415: refusal('Body is not JSON'),
  422: refusal('Idempotency-Key was used for another request'),
}
const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Lays the rules that all three APIs share over one plugin scope: a key with the right scope, the rate limit,
 * closed schemas, `GET /whoami`, and the API's own description at `GET /openapi.json`.
 * Call it first: a route added before it would go unguarded.
 */
export async function applyApiRules(app: FastifyInstance, { api, title, description, meter }: ApiIdentity) {
  app.addSchema(ERROR_REPLY)
  await app.register(swagger, describe(title, description, app.prefix))
  app.addHook('onRoute', completeSchema)

  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config
    if (access === 'open') return
    const { caller } = request
    if (caller === null) {
      reply.header('WWW-Authenticate', 'Bearer')
      throw new Refusal(401, 'unauthenticated', 'send Authorization: Bearer with a known API key')
    }
    const waitSeconds = await meter(request)
    if (waitSeconds !== null) {
      reply.header('Retry-After', waitSeconds)
      throw new Refusal(429, 'rate_limited', `too many requests; try again in ${waitSeconds} s`)
    }
    if (caller.api !== api) throw new Refusal(403, 'forbidden', `this key is not for the ${api} API`)
    if (access !== 'any key' && !caller.scopes.includes(access ?? '')) {
      throw new Refusal(403, 'forbidden', `this key lacks the scope ${access}`)
    }
  })

  app.addHook('preHandler', async request => {
    for (const value of Object.values(request.body ?? {})) {
      // JSON can spell half a surrogate pair, which no UTF-8 database can give back.
      if (typeof value === 'string' && /\p{Surrogate}/u.test(value)) throw invalid('body must be well-formed Unicode')
    }
  })

  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, async () => app.swagger())
  app.get(
    '/whoami',
    {
      config: { access: 'any key' },
      schema: {
        operationId: 'whoami',
        summary: 'Who the presented key belongs to and what it may do',
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

function describe(title: string, description: string, prefix: string): FastifyDynamicSwaggerOptions {
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
  if (access === undefined) throw new Error(`${String(route.method)} ${route.url} does not say who may call it`)
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
