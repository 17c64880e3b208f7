import { type AuditFields, auditFile } from './evidence/audit-file.ts'
import type { EvidenceSource } from './evidence/evidence-source.ts'
import { manifestEvidence } from './evidence/manifest.ts'
import { sourceTree } from './evidence/source-tree.ts'
import { compareWithLock } from './lock/compare.ts'
import { secretsOf } from './secrets.ts'
import type { Settings } from './settings.ts'

/** Creates the evidence sources that the settings name: lock file, manifest, source code and audit log. */
export function evidenceFrom({ locked, manifest, source, audit, target }: Settings): EvidenceSource[] {
  const sources: EvidenceSource[] = []
  if (locked) sources.push({ items: [], judge: surface => compareWithLock(surface, locked) })
  if (manifest) sources.push(manifestEvidence(manifest, source))
  if (source !== undefined) sources.push(sourceTree(source))
  const file = audit ?? manifest?.audit?.file
  // zod omits keys without a value, so spreading this over the defaults overwrites none of them with undefined.
  const fields = manifest?.audit?.fields as Partial<AuditFields> | undefined
  if (file !== undefined) sources.push(auditFile({ file, fields, secrets: secretsOf(target) }))
  return sources
}
