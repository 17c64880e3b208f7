import { kindOf } from '../catalogue.ts'
import { visibleJson } from '../visible-json.ts'
import type { Report } from './report.ts'

/** Raised when something that a reader may rely on changes its name or meaning; what is new does not raise it. */
const SCHEMA = 'preship-report/1'

/** For programs. */
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
