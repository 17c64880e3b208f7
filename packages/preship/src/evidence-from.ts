import type { EvidenceSource } from './examine.ts'
import { compareWithLock } from './lock/compare.ts'
import type { Settings } from './settings.ts'

/** What speaks for or against a server beside itself. One place knows which options stand for which sources. */
export function evidenceFrom({ locked }: Settings): EvidenceSource[] {
  return [
    ...(locked ? [{ items: [], judge: surface => compareWithLock(surface, locked) } satisfies EvidenceSource] : []),
  ]
}
