import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { AuditTrail } from '../audit-trail.ts'
import type { LegacySession } from './legacy-session.ts'
import { modernBytes } from './modern-message.ts'
import type { RemoteServer } from './remote-server.ts'

const AT_ONCE = 25

/** Opens and aborts many streams and calls of a session. */
export async function connectAndAbort(how: {
  readonly session: LegacySession
  /** The name of a tool; it is called with unknown arguments. */
  readonly tool: string
  readonly rounds: number
}): Promise<void> {
  const { session, tool, rounds } = how
  for (let round = 0; round < rounds; round += 1) {
    const streams = Array.from({ length: AT_ONCE }, () => session.listen())
    await Promise.all(streams.map(stream => stream.head().catch(() => 0)))
    await Promise.all(streams.map(stream => stream.abort()))
    const calls = Array.from({ length: AT_ONCE }, () => session.call(tool, { nothing: randomBytes(4).toString('hex') }))
    await Promise.all(calls.map(call => call.abort()))
  }
}

/** Calls a tool in the modern era, and resets the connection as soon as the request is sent. */
export async function callAndReset(how: {
  readonly server: RemoteServer
  readonly token: string
  readonly tool: string
  readonly args: unknown
  readonly times: number
}): Promise<void> {
  const { server, token, tool, args, times } = how
  const { lines, body } = modernBytes(token, 'tools/call', { name: tool, arguments: args })
  for (let count = 0; count < times; count += 1) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(`POST /mcp HTTP/1.1\r\n${lines}\r\n${body}`, () => socket.resetAndDestroy())
    await once(socket, 'close')
    // When this is answered, the server has accepted the connection before it.
    await server.modern(token, 'tools/list')
  }
}

/**
 * Checks that every call is recorded with the address of its caller. If the connection was closed before its address was
 * known, the call must have been refused.
 */
export function addressesIn(trail: AuditTrail): { recorded: number; faults: string[] } {
  const records = trail.records().filter(({ caller }) => caller)
  const faults = records.flatMap(({ seq, event, error, caller }) => {
    const isRight =
      caller?.host === 'gone' ? event === 'denied' && error?.code === 'CANCELLED' : caller?.host === '127.0.0.1'
    return isRight ? [] : [`record ${seq} (${event}) has the address ${caller?.host}`]
  })
  return { recorded: records.length, faults }
}
