import { type AuditFields, auditFile } from './evidence/audit-file.ts'
import type { EvidenceSource } from './evidence/evidence-source.ts'
import { manifestEvidence } from './evidence/manifest.ts'
import { sourceTree } from './evidence/source-tree.ts'
import { compareWithLock } from './lock/compare.ts'
import { secretsOf } from './secrets.ts'
import type { Settings } from './settings.ts'

/** What speaks for or against a server beside itself. One place knows which options stand for which sources. */
export function evidenceFrom({ locked, manifest, source, audit, target }: Settings): EvidenceSource[] {
  const sources: EvidenceSource[] = []
  if (locked) sources.push({ items: [], judge: surface => compareWithLock(surface, locked) })
  if (manifest) sources.push(manifestEvidence(manifest, source))
  if (source !== undefined) sources.push(sourceTree(source))
  const file = audit ?? manifest?.audit?.file
  // What is not declared is not there: a parsed manifest has no key without a value.
  const fields = manifest?.audit?.fields as Partial<AuditFields> | undefined
  if (file !== undefined) sources.push(auditFile({ file, fields, secrets: secretsOf(target) }))
  return sources
}
