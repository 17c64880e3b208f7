import { onTestFinished } from 'vitest'
import { createServerFactory, openLedger } from '#call/registration'
import type { Requester } from '../../src/remote/admission.ts'
import { createRequestAuditor } from '../../src/remote/audited-request.ts'
import { createCallsInFlight } from '../../src/remote/calls-in-flight.ts'
import { requestContextOf } from '../../src/remote/request-context.ts'
import { createSessionEndpoint } from '../../src/remote/session-endpoint.ts'
import { initialize, legacyCall, type McpRequest } from './messages.ts'
import { testServer } from './tools.ts'

/** Somebody with every scope of the test server. */
export function requester(id = 'ada', clientId = 'app', scopes = ['notes:read', 'notes:write']): Requester {
  return { caller: { kind: 'oauth', id, host: '192.0.2.7', clientId }, scopes: new Set(scopes) }
}

const ADA = requester()
const URL = 'http://127.0.0.1/mcp'

/** The session endpoint in front of the test server, without HTTP. */
export function openSessions() {
  const { options, audit, backend, faults } = testServer()
  const calls = createCallsInFlight((caller, onEnd) => openLedger(options, caller, onEnd))
  const serverOf = createServerFactory(options, ({ http }) => requestContextOf(http?.authInfo).scopes)
  const endpoint = createSessionEndpoint(serverOf, calls, createRequestAuditor(options.tools, undefined, calls))
  onTestFinished(endpoint.close)
  /** What is to be called once the reply to a request is sent. */
  const finish: (() => void)[] = []

  const post = async ({ headers, message }: McpRequest, by: Requester = ADA): Promise<Response> => {
    const request = new Request(URL, { method: 'POST', headers, body: JSON.stringify(message) })
    return await endpoint.serve(request, by, message, done => void finish.push(done))
  }
  /** Sends a request without a message. */
  const ask = async (method: 'GET' | 'DELETE', session: string | undefined, by = ADA, signal?: AbortSignal) => {
    const headers = { Accept: 'text/event-stream', ...(session !== undefined && { 'Mcp-Session-Id': session }) }
    const request = new Request(URL, { method, headers, ...(signal && { signal }) })
    return await endpoint.serve(request, by, undefined, done => void finish.push(done))
  }
  /** Opens a session. Returns its id. */
  const begin = async (by = ADA): Promise<string> => {
    const response = await post(initialize(), by)
    await response.text()
    return response.headers.get('mcp-session-id') ?? ''
  }
  /** The status of a call in a session, whose reply is then sent. */
  const callIn = async (session: string, by = ADA): Promise<number> => {
    const before = finish.length
    const response = await post(legacyCall(session, crypto.randomUUID()), by)
    await response.text()
    for (const done of finish.splice(before)) done()
    return response.status
  }
  return { endpoint, calls, audit, backend, faults, finish, post, ask, begin, callIn }
}
