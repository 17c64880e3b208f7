import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { modernHeaders, modernMessage } from '../src/remote/modern-message.ts'
import type { Message } from '../src/running-server.ts'
import type { ProxyClient, ProxyRequest } from './proxy-client.ts'
import type { Replica } from './replica.ts'

export interface DisconnectTest {
  readonly client: ProxyClient
  readonly token: string
  readonly replicas: readonly Replica[]
  readonly store: { hang(): void; wake(): void }
  readonly ticketId: string
}

/** Tests how the proxy handles clients that disconnect. Resolves to a line for each fault. */
export async function faultsOfDisconnects(test: DisconnectTest): Promise<string[]> {
  return [...(await faultsOfOneDisconnect(test)), ...(await faultsOfManyDisconnects(test))]
}

/** If a client disconnects, the proxy must close the connection to the replica, so that the call is cancelled. */
async function faultsOfOneDisconnect({ client, token, replicas, store }: DisconnectTest): Promise<string[]> {
  const traceId = randomBytes(16).toString('hex')
  const _meta = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` }
  const args = { subject: 'Cancelled', description: 'The client disconnects.', priority: 'low' }
  const abort = new AbortController()
  // The call waits for the store before it asks the person, so the client can disconnect meanwhile.
  store.hang()
  const request = { ...requestFor(token, 'createTicket', args, _meta), signal: abort.signal }
  const done = client.send(request).catch(() => {})
  await pause(300)
  abort.abort()
  await done
  await pause(2_500)
  store.wake()
  const [end] = replicas.flatMap(({ trail }) => trail.records()).filter(({ trace }) => trace?.traceId === traceId)
  return end?.error?.code === 'CANCELLED'
    ? []
    : [`the call of a client that disconnected ended with ${end?.error?.code ?? end?.event}`]
}

/** If clients disconnect often, the proxy must not consider the replicas unhealthy. */
async function faultsOfManyDisconnects({ client, token, ticketId }: DisconnectTest): Promise<string[]> {
  const request = requestFor(token, 'getTicket', { ticketId })
  for (let count = 0; count < 60; count += 1) {
    const abort = new AbortController()
    const done = client.send({ ...request, signal: abort.signal }).catch(() => {})
    await pause(count % 6)
    abort.abort()
    await done
  }
  const { status } = await client.send(request)
  return status === 200 ? [] : [`after 60 disconnects, the next request was answered with ${status}`]
}

function requestFor(token: string, name: string, args: unknown, _meta: Message = {}): ProxyRequest {
  const params = { name, arguments: args, _meta }
  return {
    headers: modernHeaders(token, 'tools/call', params),
    body: JSON.stringify(modernMessage('tools/call', params)),
  }
}
