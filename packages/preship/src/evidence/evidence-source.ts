import type { Result } from '../finding.ts'
import type { SentCall } from '../probes/probe.ts'
import type { Surface } from '../surface.ts'

/** A source of evidence about a server besides its own replies. */
export interface EvidenceSource {
  /** The questions that it can answer with “pass”. */
  readonly items: readonly (3 | 4 | 5 | 7)[]
  judge(surface: Surface, calls: readonly SentCall[]): Promise<Result> | Result
}
