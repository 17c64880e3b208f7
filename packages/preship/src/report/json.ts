import { kindOf } from '../catalogue.ts'
import { visibleJson } from '../visible-json.ts'
import type { Report } from './report.ts'

/** The schema version. It changes when a field is renamed or changes its meaning, not when one is added. */
const SCHEMA = 'preship-report/1'

/** Formats a report as JSON. */
export function jsonReport({ target, server, tools, verdicts, findings, durationMs }: Report): string {
  const report = {
    schema: SCHEMA,
    target,
    server,
    tools,
    verdicts,
    findings: findings.map(({ code, tool = null, field = null, message }) => {
      const { item, severity, title, why, narrow } = kindOf(code)
      return { code, item, severity, tool, field, message, title, why, narrow }
    }),
    durationMs,
  }
  return visibleJson(report)
}
