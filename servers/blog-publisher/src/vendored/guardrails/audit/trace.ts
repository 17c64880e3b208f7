import { randomBytes, randomUUID } from 'node:crypto'
import type { Trace } from './record.ts'

/** W3C trace context, version 00 or a later one read as 00; all-zero ids are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/

/** The trace that a caller claims, or a new one where the claim is missing or malformed. */
export function traceOf(traceparent: unknown): Trace {
  const match = typeof traceparent === 'string' && traceparent.length <= 128 ? TRACEPARENT.exec(traceparent) : null
  if (match?.[1] && match[2]) return { traceId: match[1], parentId: match[2], source: 'claimed' }
  // A UUID's random bits: the platform keeps those ready, and this is done for every call.
  return { traceId: randomUUID().replaceAll('-', ''), source: 'generated' }
}

/** A `traceparent` for the next hop: the same trace, a span of our own. */
export function formatTraceparent(trace: Trace): string {
  return `00-${trace.traceId}-${randomBytes(8).toString('hex')}-01`
}
