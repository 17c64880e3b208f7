import { kindOf } from '../catalogue.ts'
import type { Finding } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Report } from './report.ts'

/** Lists what changed between two reports on the same server. */
export function differenceOf(before: Report, now: Report): string[] {
  const verdicts = now.verdicts.flatMap(({ item, question, answer }) => {
    const was = before.verdicts.find(verdict => verdict.item === item)?.answer
    return was === undefined || was === answer ? [] : [`${item} ${question}: ${was} → ${answer}`]
  })
  const old = new Set(before.findings.map(keyOf))
  const present = new Set(now.findings.map(keyOf))
  return [
    ...verdicts,
    ...now.findings.filter(finding => !old.has(keyOf(finding))).map(finding => `+ ${lineOf(finding)}`),
    ...before.findings.filter(finding => !present.has(keyOf(finding))).map(finding => `- ${lineOf(finding)}`),
  ]
}

function keyOf({ code, tool, field, message }: Finding): string {
  return JSON.stringify([code, tool, field, message])
}

function lineOf({ code, tool, field, message }: Finding): string {
  const where = [tool, field].filter(name => name !== undefined).map(name => sanitize(name, 80))
  return `${kindOf(code).severity} ${[code, ...where].join(' ')}: ${sanitize(message)}`
}
