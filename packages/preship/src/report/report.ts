import type { Finding } from '../finding.ts'
import type { ItemVerdict } from '../verdict.ts'

/** What an examination came to, as every form of output shows it. All text in it is harmless to show. */
export interface Report {
  readonly target: string
  readonly server: { readonly name: string; readonly version: string }
  readonly tools: readonly string[]
  readonly verdicts: readonly ItemVerdict[]
  readonly findings: readonly Finding[]
  /** How long it took, in milliseconds. */
  readonly durationMs: number
}
