import type { LoggedRequest } from '@narrow-deputies/demo-stack'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import type { Reply } from './remote-server.ts'
import type { Remote, RemoteWorld } from './remote-world.ts'

/** A reply, and what the request has caused. */
export interface Effects {
  readonly reply: Reply
  /** The new audit records. */
  readonly records: readonly AuditRecord[]
  /** The requests that the backend received. */
  readonly arrivals: readonly LoggedRequest[]
}

/** Sends a request and collects its effects. No other request may be sent at the same time. */
export async function effectsOf(world: RemoteWorld, { trail }: Remote, send: () => Promise<Reply>): Promise<Effects> {
  const newRecords = trail.follow()
  let reply: Reply | undefined
  const arrivals = await world.arrivals(async () => {
    reply = await send()
  })
  if (!reply) throw new Error('there is no reply')
  return { reply, records: newRecords(), arrivals }
}
