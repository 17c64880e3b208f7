import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import type { AuditTrail } from '../audit-trail.ts'

/** The records of one trace from several audit files, in the order of their time. */
export function mergedRecords(trails: readonly AuditTrail[], traceId: string): AuditRecord[] {
  return trails
    .flatMap(trail => trail.records())
    .filter(({ trace }) => trace?.traceId === traceId)
    .sort((a, b) => a.time.localeCompare(b.time) || (a.instance === b.instance ? a.seq - b.seq : 0))
}
