import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { modernHeaders, modernMessage } from '../src/remote/modern-message.ts'
import type { Message } from '../src/running-server.ts'
import type { Door, Knock } from './door.ts'
import type { Replica } from './replica.ts'

export interface Leaving {
  readonly door: Door
  readonly token: string
  readonly replicas: readonly Replica[]
  readonly store: { hang(): void; wake(): void }
  readonly ticketId: string
}

/** What is wrong with how the proxy treats clients that leave, and others because of them, a line each. */
export async function faultsOfLeaving(leaving: Leaving): Promise<string[]> {
  return [...(await faultsOfCancelling(leaving)), ...(await faultsOfLeavingOften(leaving))]
}

/** A client that leaves takes its call with it: the replica has to hear of it. */
async function faultsOfCancelling({ door, token, replicas, store }: Leaving): Promise<string[]> {
  const traceId = randomBytes(16).toString('hex')
  const _meta = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` }
  const args = { subject: 'Left alone', description: 'Nobody waits for it.', priority: 'low' }
  const left = new AbortController()
  // A question waits for the store: time enough to leave.
  store.hang()
  const knock = door.knock({ ...knockOf(token, 'createTicket', args, _meta), signal: left.signal }).catch(() => {})
  await pause(300)
  left.abort()
  await knock
  await pause(2_500)
  store.wake()
  const [end] = replicas.flatMap(({ trail }) => trail.records()).filter(({ trace }) => trace?.traceId === traceId)
  return end?.error?.code === 'CANCELLED' ? [] : [`a call whose client left ended as ${end?.error?.code ?? end?.event}`]
}

/** Who leaves again and again must not make the proxy take the replicas for dead. */
async function faultsOfLeavingOften({ door, token, ticketId }: Leaving): Promise<string[]> {
  const knock = knockOf(token, 'getTicket', { ticketId })
  for (let count = 0; count < 60; count += 1) {
    const left = new AbortController()
    const done = door.knock({ ...knock, signal: left.signal }).catch(() => {})
    await pause(count % 6)
    left.abort()
    await done
  }
  const { status } = await door.knock(knock)
  return status === 200 ? [] : [`after sixty clients that left, the next one got ${status}`]
}

function knockOf(token: string, name: string, args: unknown, _meta: Message = {}): Knock {
  const params = { name, arguments: args, _meta }
  return {
    headers: modernHeaders(token, 'tools/call', params),
    body: JSON.stringify(modernMessage('tools/call', params)),
  }
}
