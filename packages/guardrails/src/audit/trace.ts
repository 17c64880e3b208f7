import { randomBytes, randomUUID } from 'node:crypto'
import type { Trace } from './record.ts'

/** W3C trace context. Later versions are read as version 00. Ids of only zeros are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/

/** The trace that the caller claims, or a new one if the claim is missing or malformed. */
export function traceOf(traceparent: unknown): Trace {
  const match = typeof traceparent === 'string' && traceparent.length <= 128 ? TRACEPARENT.exec(traceparent) : null
  if (match?.[1] && match[2]) return { traceId: match[1], parentId: match[2], source: 'claimed' }
  // Node caches random bytes for UUIDs, so this is cheap enough for every call.
  return { traceId: randomUUID().replaceAll('-', ''), source: 'generated' }
}

/** A `traceparent` for the next hop: the same trace with a new span. */
export function formatTraceparent(trace: Trace): string {
  return `00-${trace.traceId}-${randomBytes(8).toString('hex')}-01`
}
