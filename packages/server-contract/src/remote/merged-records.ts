import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import type { AuditTrail } from '../audit-trail.ts'

/** What several audit files say of one trace, in the order in which it happened, as an operator puts it together. */
export function mergedRecords(trails: readonly AuditTrail[], traceId: string): AuditRecord[] {
  return trails
    .flatMap(trail => trail.records())
    .filter(({ trace }) => trace?.traceId === traceId)
    .sort((a, b) => a.time.localeCompare(b.time) || (a.instance === b.instance ? a.seq - b.seq : 0))
}
