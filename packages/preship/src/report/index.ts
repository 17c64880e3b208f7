import type { Finding } from '../finding.ts'
import { jsonReport } from './json.ts'
import { junitReport } from './junit.ts'
import { markdownReport } from './markdown.ts'
import type { Report } from './report.ts'
import { type SarifOptions, sarifReport } from './sarif.ts'
import { type TerminalOptions, terminalReport } from './terminal.ts'

export const FORMATS = ['terminal', 'json', 'sarif', 'junit', 'markdown'] as const
export type Format = (typeof FORMATS)[number]

export interface RenderOptions extends TerminalOptions, SarifOptions {
  readonly format: Format
  /** Whether a finding makes the run fail. */
  readonly fails: (finding: Finding) => boolean
}

export function render(report: Report, options: RenderOptions): string {
  switch (options.format) {
    case 'terminal':
      return terminalReport(report, options)
    case 'json':
      return jsonReport(report)
    case 'sarif':
      return sarifReport(report, options)
    case 'junit':
      return junitReport(report, options.fails)
    case 'markdown':
      return markdownReport(report)
  }
}
