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
    /** The holder of the API key, whatever its scopes; null without a known key. */
    caller: Caller | null
    received: ReceivedBody
    logged: boolean
  }
}

/** Creates the HTTP server without routes. It reads bodies, identifies callers, logs requests and formats errors. */
export function createHttpServer(keys: ApiKeys, log: RequestLog): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // As long as Node's header limit, so that a long id gets 404 like any other unknown id.
    routerOptions: { maxParamLength: 16_384 },
    // By default, Fastify drops unknown properties and turns "1" into 1. This backend refuses such requests instead.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    frameworkErrors: (_error, request, reply) => answerError(invalid('the URL is not valid'), request, reply),
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return
      const body = JSON.stringify({ error: { code: 'invalid', message: 'the HTTP request is not valid' } })
      const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
      socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`)
    },
  })
  app.decorateRequest('caller', null)
  app.decorateRequest('logged', false)
  app.decorateRequest('received')

  // The first hook, so that the log also shows what refused callers sent.
  app.addHook('onRequest', async request => {
    request.received = await receiveBody(request.raw)
    request.caller = keys.holder(request.headers.authorization)
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    const { bytes, outcome } = request.received
    if (outcome === 'too large')
      throw new Refusal(413, 'too_large', `the request body is larger than ${BODY_LIMIT} bytes`)
    if (outcome === 'cut short') throw invalid('the request body is incomplete')
    return bytes === null ? payload : Readable.from([bytes], { objectMode: false })
  })
  // Logged before the response is sent, so that a caller with a response always finds the request in the log.
  app.addHook('onSend', async (request, reply) => logOnce(request, reply))

  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    let text: string
    try {
      // Without `fatal`, invalid bytes would be replaced, and the stored text would differ from what the caller hashed.
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      done(invalid('the request body is not UTF-8'))
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
  if (error.statusCode === 413)
    return new Refusal(413, 'too_large', `the request body is larger than ${BODY_LIMIT} bytes`)
  if (error.statusCode === 415)
    return new Refusal(415, 'unsupported_media_type', 'the content type must be application/json')
  if (error.statusCode !== undefined && error.statusCode < 500) return invalid(error.message)
  return new Refusal(500, 'internal', 'internal error')
}
