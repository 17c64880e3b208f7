import { randomUUID } from 'node:crypto'
import type { Finding, Kind, Result } from '../finding.ts'
import { objectOf } from '../surface.ts'
import type { Session } from '../wire/session.ts'
import { type Message, WireError } from '../wire/wire.ts'
import { attempt } from './attempt.ts'
import { isRefusal, type ProbeContext } from './probe.ts'

export const PROTOCOL_KINDS = {
  MALFORMED_BREAKS: {
    item: 2,
    severity: 'error',
    title: 'Malformed message stops the server',
    why: 'One malformed message can crash or block the server for every client that shares it (denial of service).',
    narrow: 'Answer unreadable messages with an error, and keep serving.',
  },
  MALFORMED_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Malformed request is answered with a result',
    why: 'The server did not validate the request, so it is undefined how it was interpreted.',
    narrow: 'Validate each message against the protocol schema before it is processed.',
  },
  UNKNOWN_METHOD_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Unknown method is answered with a result',
    why: 'A client cannot tell whether the request had any effect.',
    narrow: 'Answer unknown methods with error −32601 (method not found).',
  },
  UNKNOWN_TOOL_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'Call of an unknown tool succeeds',
    why: 'The server either has tools that it does not list, or reports calls as done that it did not carry out.',
    narrow: 'Reject tool names that are not in the list.',
  },
} as const satisfies Record<string, Kind>

/**
 * How long to wait for an answer to a message that the server may ignore. The next valid request shows whether the
 * server is still alive.
 */
const SILENCE_MS = 10
/** How long to wait for an answer to a message that the server must answer. */
const ANSWER_MS = 1_000

/** Sends malformed messages, and checks that the server rejects them and keeps serving. */
export async function protocolProbe(context: ProbeContext): Promise<Result> {
  const findings: Finding[] = []
  const broke: string[] = []
  const accepted: string[] = []
  let session = await context.open()
  let tried = 0
  try {
    for (const { what, text, wantsError, isCall } of malformed(session)) {
      if (context.shouldStop()) break
      tried += 1
      const at = Date.now()
      const reply = await session.wire.raw(text, wantsError ? ANSWER_MS : SILENCE_MS).catch(ofWire)
      if (isCall) context.record({ ...MALFORMED_CALL, tool: what, at, until: Date.now(), traceId: unsentTraceId() })
      if (wantsError && reply && 'result' in reply && !isRefusal(reply)) accepted.push(what)
      if (await isAlive(session)) continue
      broke.push(what)
      await session.wire.close()
      session = await context.open()
    }
    const method = await session.request('preship/noSuchMethod').catch(ofWire)
    if (method && 'result' in method)
      findings.push({
        code: 'UNKNOWN_METHOD_ACCEPTED',
        message: 'the unknown method preship/noSuchMethod was answered with a result',
      })
  } finally {
    await session.wire.close()
  }
  const { outcome } = await attempt(context, 'preshipNoSuchTool', {})
  if (outcome === 'done' || outcome === 'asked')
    findings.push({
      code: 'UNKNOWN_TOOL_ACCEPTED',
      message: 'a call of the unknown tool preshipNoSuchTool was not refused',
    })
  if (outcome === 'prose')
    findings.push({
      code: 'REFUSAL_AS_SUCCESS',
      message: 'a call of an unknown tool was refused only in the text of the result',
    })
  if (broke.length > 0)
    findings.push({ code: 'MALFORMED_BREAKS', message: `it ended or stopped responding after ${broke.join(', ')}` })
  if (accepted.length > 0)
    findings.push({ code: 'MALFORMED_ACCEPTED', message: `it returned a result for ${accepted.join(', ')}` })
  const text = `after each of ${tried} malformed messages, it answered the next valid one`
  return { findings, evidence: broke.length > 0 || tried === 0 ? [] : [{ item: 2, text }] }
}

interface Malformed {
  readonly what: string
  readonly text: string
  /** Whether answering it with a result is wrong. Otherwise, the server only has to survive it. */
  readonly wantsError?: boolean
  /** Whether it is a tool call with an id, which has to be in the audit log. */
  readonly isCall?: boolean
}

const MALFORMED_CALL = { args: undefined, refused: true, isMalformed: true }

/** A trace id that is not sent: the server need not extract one from a malformed message. */
function unsentTraceId(): string {
  return randomUUID().replaceAll('-', '')
}

function malformed(session: Session): Malformed[] {
  const list = session.form('tools/list')
  const call = (params: unknown): string => {
    const { params: own, ...rest } = session.form('tools/call')
    return JSON.stringify({
      ...rest,
      params: params === undefined ? undefined : { ...objectOf(own), ...objectOf(params) },
    })
  }
  const { id: _, ...idless } = list
  return [
    { what: 'a line that is not JSON', text: '{"jsonrpc": "2.0", "id": 1, ' },
    { what: 'a string in place of a message', text: '"preship"' },
    { what: 'a number in place of a message', text: '42' },
    { what: 'null in place of a message', text: 'null' },
    { what: 'an empty batch', text: '[]' },
    { what: 'a batch', text: JSON.stringify([list, 7, null]) },
    { what: 'a request without a method', text: '{"jsonrpc":"2.0","id":990001}', wantsError: true },
    { what: 'a method that is a number', text: '{"jsonrpc":"2.0","id":990002,"method":7}', wantsError: true },
    { what: 'a request without an id', text: JSON.stringify(idless) },
    {
      what: 'a call without an id',
      text: JSON.stringify({ jsonrpc: '2.0', method: 'tools/call', params: list.params }),
    },
    { what: 'an id that is too large for a number', text: JSON.stringify(list).replace(/"id":\d+/, '"id":1e400') },
    { what: 'an id that is an object', text: JSON.stringify({ ...list, id: { a: 1 } }) },
    { what: 'an id of 100 000 characters', text: JSON.stringify({ ...list, id: 'a'.repeat(100_000) }) },
    { what: 'a call without params', text: call(undefined), wantsError: true, isCall: true },
    { what: 'a call without a name', text: call({ arguments: {} }), wantsError: true, isCall: true },
    { what: 'a call whose name is an object', text: call({ name: { toString: 'a' } }), wantsError: true, isCall: true },
    {
      what: 'a call whose params are a list',
      text: JSON.stringify({ ...session.form('tools/call'), params: [1] }),
      wantsError: true,
      isCall: true,
    },
    { what: 'two requests with the same id', text: `${JSON.stringify(list)}\n${JSON.stringify(list)}` },
    { what: 'an unsolicited response', text: '{"jsonrpc":"2.0","id":990003,"result":{}}' },
    { what: 'nesting 5000 levels deep', text: `${'[{"a":'.repeat(2_500)}1${'}]'.repeat(2_500)}` },
  ]
}

async function isAlive(session: Session): Promise<boolean> {
  const reply = await session.request('tools/list').catch(ofWire)
  return reply !== undefined && 'result' in reply
}

/** Turns a wire error into undefined: no usable answer. @throws any other error */
function ofWire(error: unknown): Message | undefined {
  if (error instanceof WireError) return undefined
  throw error
}
