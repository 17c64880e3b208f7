import type { Finding } from '../finding.ts'
import type { ItemVerdict } from '../verdict.ts'

/** The result of an examination, as all output formats show it. All text is sanitized. */
export interface Report {
  readonly target: string
  readonly server: { readonly name: string; readonly version: string }
  readonly tools: readonly string[]
  readonly verdicts: readonly ItemVerdict[]
  readonly findings: readonly Finding[]
  /** The duration of the examination in milliseconds. */
  readonly durationMs: number
}
