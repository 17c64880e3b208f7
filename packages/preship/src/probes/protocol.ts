import { randomUUID } from 'node:crypto'
import type { Finding, Kind, Result } from '../finding.ts'
import { objectOf } from '../surface.ts'
import type { Session } from '../wire/session.ts'
import { type Message, WireError } from '../wire/wire.ts'
import { attempt } from './attempt.ts'
import { isRefusal, type Probing } from './probe.ts'

export const PROTOCOL_KINDS = {
  MALFORMED_BREAKS: {
    item: 2,
    severity: 'error',
    title: 'the server does not go on after a malformed message',
    why: 'One message that is no message ends or stalls the server for everybody behind it.',
    narrow: 'Answer what cannot be read with an error, and go on.',
  },
  MALFORMED_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'a malformed request is answered as if it were a good one',
    why: 'What the request was taken for was decided by chance.',
    narrow: 'Check each message against the protocol’s schema before anything is done with it.',
  },
  UNKNOWN_METHOD_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'a method that does not exist is answered with a result',
    why: 'A client cannot tell what was done from what was not.',
    narrow: 'Answer unknown methods with error −32601.',
  },
  UNKNOWN_TOOL_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'a call of a tool that does not exist succeeds',
    why: 'There are ways into the server that its list does not show, or calls that are reported as done and are not.',
    narrow: 'Refuse names that are not in the list.',
  },
} as const satisfies Record<string, Kind>

/** How long to wait for an answer to what may be passed over in silence: the next good message shows what became of it. */
const SILENCE_MS = 10
/** And to what may not. */
const ANSWER_MS = 1_000

/** Sends what is no good message, and sees whether the server says so and goes on. */
export async function protocolProbe(probing: Probing): Promise<Result> {
  const findings: Finding[] = []
  const broke: string[] = []
  const accepted: string[] = []
  let session = await probing.open()
  let tried = 0
  try {
    for (const { what, text, wantsError, isCall } of malformed(session)) {
      if (probing.isLate()) break
      tried += 1
      const at = Date.now()
      const reply = await session.wire.raw(text, wantsError ? ANSWER_MS : SILENCE_MS).catch(ofWire)
      if (isCall) probing.note({ ...NOTHING_SENT, tool: what, at, until: Date.now(), traceId: untraced() })
      if (wantsError && reply && 'result' in reply && !isRefusal(reply)) accepted.push(what)
      if (await isAlive(session)) continue
      broke.push(what)
      await session.wire.close()
      session = await probing.open()
    }
    const method = await session.request('preship/noSuchMethod').catch(ofWire)
    if (method && 'result' in method)
      findings.push({ code: 'UNKNOWN_METHOD_ACCEPTED', message: 'preship/noSuchMethod was answered with a result' })
  } finally {
    await session.wire.close()
  }
  const { outcome } = await attempt(probing, 'preshipNoSuchTool', {})
  if (outcome === 'done' || outcome === 'asked')
    findings.push({ code: 'UNKNOWN_TOOL_ACCEPTED', message: 'a call of preshipNoSuchTool was not refused' })
  if (outcome === 'prose')
    findings.push({ code: 'REFUSAL_AS_SUCCESS', message: 'a call of an unknown tool was refused in words only' })
  if (broke.length > 0)
    findings.push({ code: 'MALFORMED_BREAKS', message: `it ended or stalled at ${broke.join(', ')}` })
  if (accepted.length > 0)
    findings.push({ code: 'MALFORMED_ACCEPTED', message: `it answered with a result: ${accepted.join(', ')}` })
  const text = `${tried} malformed messages did not keep it from answering the next good one`
  return { findings, evidence: broke.length > 0 ? [] : [{ item: 2, text }] }
}

interface Malformed {
  readonly what: string
  readonly text: string
  /** Whether a result in answer to it is wrong; else it only has to be survived. */
  readonly wantsError?: boolean
  /** Whether it is a call that somebody waits for an answer to: to be found in an audit log. */
  readonly isCall?: boolean
}

const NOTHING_SENT = { args: undefined, refused: true, isMalformed: true }

/** It carries no trace: nobody has to read one out of what cannot be read. */
function untraced(): string {
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
    { what: 'a text in place of a message', text: '"preship"' },
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
    { what: 'an id beyond all numbers', text: JSON.stringify(list).replace(/"id":\d+/, '"id":1e400') },
    { what: 'an id that is an object', text: JSON.stringify({ ...list, id: { a: 1 } }) },
    { what: 'an id of 100 000 characters', text: JSON.stringify({ ...list, id: 'a'.repeat(100_000) }) },
    { what: 'a call without params', text: call(undefined), wantsError: true, isCall: true },
    { what: 'a call without a name', text: call({ arguments: {} }), wantsError: true, isCall: true },
    { what: 'a call whose name is an object', text: call({ name: { toString: 'a' } }), wantsError: true, isCall: true },
    {
      what: 'params that are a list',
      text: JSON.stringify({ ...session.form('tools/call'), params: [1] }),
      wantsError: true,
      isCall: true,
    },
    { what: 'two requests of one id', text: `${JSON.stringify(list)}\n${JSON.stringify(list)}` },
    { what: 'an answer that nobody asked for', text: '{"jsonrpc":"2.0","id":990003,"result":{}}' },
    { what: 'nesting 5000 levels deep', text: `${'[{"a":'.repeat(2_500)}1${'}]'.repeat(2_500)}` },
  ]
}

async function isAlive(session: Session): Promise<boolean> {
  const reply = await session.request('tools/list').catch(ofWire)
  return reply !== undefined && 'result' in reply
}

/** Nothing came, or nothing that can be used. @throws whatever is no fault of the wire */
function ofWire(error: unknown): Message | undefined {
  if (error instanceof WireError) return undefined
  throw error
}
