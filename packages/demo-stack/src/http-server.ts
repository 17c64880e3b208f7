import { Readable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify from 'fastify'
import type { ApiKeys, Caller } from './api-keys.ts'
import { invalid, notFound, Refusal } from './refusal.ts'
import type { ReceivedBody } from './request-body.ts'
import { BODY_LIMIT, NO_BODY, receiveBody } from './request-body.ts'
import type { RequestLog } from './request-log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The holder of the presented key, whatever it may do; null without a known key. */
    caller: Caller | null
    received: ReceivedBody
    logged: boolean
  }
}

/** The HTTP server without any route: reading, identifying, logging and the one shape of every error. */
export function createHttpServer(keys: ApiKeys, log: RequestLog): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // The longest path that Node's own header limit lets through: a long id is simply not found.
    routerOptions: { maxParamLength: 16_384 },
    // Fastify's own choice is to drop unknown properties and to turn "1" into 1: a backend worth testing against refuses.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    frameworkErrors: (_error, request, reply) => answerError(invalid('not a valid URL'), request, reply),
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return
      const body = JSON.stringify({ error: { code: 'invalid', message: 'not a valid HTTP request' } })
      const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
      socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`)
    },
  })
  app.decorateRequest('caller', null)
  app.decorateRequest('logged', false)
  app.decorateRequest('received')

  // First of all, so that the log shows what a refused caller sent, too.
  app.addHook('onRequest', async request => {
    request.received = await receiveBody(request.raw)
    request.caller = keys.holder(request.headers.authorization)
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    const { bytes, outcome } = request.received
    if (outcome === 'too large') throw new Refusal(413, 'too_large', `a body is at most ${BODY_LIMIT} bytes`)
    if (outcome === 'cut short') throw invalid('the body ended early')
    return bytes === null ? payload : Readable.from([bytes], { objectMode: false })
  })
  // Before the reply leaves and not after: whoever holds the reply finds the request in the log.
  app.addHook('onSend', async (request, reply) => logOnce(request, reply))

  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    let text: string
    try {
      // Replacing broken bytes would store other text than the caller hashed.
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      done(invalid('the body is not UTF-8'))
      return
    }
    parseJson(request, text, done)
  })

  app.setNotFoundHandler(() => {
    throw notFound('route')
  })
  app.setErrorHandler(answerError)
  return app

  function logOnce(request: FastifyRequest, reply: FastifyReply): void {
    if (request.logged) return
    request.logged = true
    request.received ??= NO_BODY
    log.append(request, reply.statusCode)
  }

  function answerError(error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): void {
    const { status, code, message } = asRefusal(error)
    if (status === 500) console.error(error)
    reply.code(status).send({ error: { code, message } })
    logOnce(request, reply)
  }
}

function asRefusal(error: FastifyError | Refusal): Refusal {
  if (error instanceof Refusal) return error
  if (error.statusCode === 413) return new Refusal(413, 'too_large', `a body is at most ${BODY_LIMIT} bytes`)
  if (error.statusCode === 415) return new Refusal(415, 'unsupported_media_type', 'send application/json')
  if (error.statusCode !== undefined && error.statusCode < 500) return invalid(error.message)
  return new Refusal(500, 'internal', 'internal error')
}
