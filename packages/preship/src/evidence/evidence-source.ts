import type { Result } from '../finding.ts'
import type { SentCall } from '../probes/probe.ts'
import type { Surface } from '../surface.ts'

/** Something beside the server itself that speaks for or against it. */
export interface EvidenceSource {
  /** Which questions it can answer with yes. */
  readonly items: readonly (3 | 4 | 5 | 7)[]
  judge(surface: Surface, calls: readonly SentCall[]): Promise<Result> | Result
}
