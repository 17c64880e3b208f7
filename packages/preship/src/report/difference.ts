import { kindOf } from '../catalogue.ts'
import type { Finding } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Report } from './report.ts'

/** What another examination of the same server brought that the one before did not. */
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
  const where = [tool, field].filter(name => name !== undefined).map(name => plain(name, 80))
  return `${kindOf(code).severity} ${[code, ...where].join(' ')}: ${plain(message)}`
}
