import { kindOf } from '../catalogue.ts'
import type { Finding, Severity } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Answer } from '../verdict.ts'
import type { Report } from './report.ts'
import { wrap } from './wrap.ts'

export interface TerminalOptions {
  readonly colours: boolean
  readonly width: number
}

const SIGN: Readonly<Record<Answer, string>> = { pass: '✓', fail: '✗', person: '?' }
const COLOUR = { pass: 32, fail: 31, person: 33, error: 31, warning: 33, note: 36, dim: 2, bold: 1 } as const
/** Limits for the terminal. The other formats contain everything. */
const MAX_TOOLS = 40
const MAX_FINDINGS_PER_CODE = 12
const MAX_EVIDENCE = 24
const ORDER: readonly Severity[] = ['error', 'warning', 'note']

/** Formats a report for a terminal: the eight answers with their evidence, then the findings by tool. */
export function terminalReport(report: Report, { colours, width }: TerminalOptions): string {
  const paint = (style: keyof typeof COLOUR, text: string): string =>
    colours ? `\u001b[${COLOUR[style]}m${text}\u001b[0m` : text
  const name = sanitize(report.server.name, 80) || 'unnamed server'
  const version = sanitize(report.server.version, 40)
  const heading = `${name}${version && ` ${version}`}: ${count(report.tools.length, 'tool')}`
  const lines = [paint('bold', heading), ...wrap(sanitize(report.target), width).map(line => paint('dim', line)), '']
  for (const { item, question, answer, evidence } of report.verdicts) {
    lines.push(`${paint(answer, SIGN[answer])} ${item} ${question}${answer === 'person' ? ': needs review' : ''}`)
    for (const text of firstEntries(evidence.map(each => sanitize(each))))
      lines.push(...wrap(text, width, '    ').map(line => paint('dim', line)))
  }
  const tools = byTool(report.findings)
  for (const [tool, findings] of tools.slice(0, MAX_TOOLS)) {
    lines.push('', paint('bold', tool))
    for (const group of byCode(findings)) lines.push(...groupLines(group))
  }
  if (tools.length > MAX_TOOLS)
    lines.push('', `${tools.length - MAX_TOOLS} more tools have findings; --format json lists all`)
  lines.push('', summaryOf(report))
  return `${lines.join('\n')}\n`

  function groupLines(findings: readonly [Finding, ...Finding[]]): string[] {
    const { code } = findings[0]
    const { severity, title, why, narrow } = kindOf(code)
    const more = findings.length - MAX_FINDINGS_PER_CODE
    const seen = findings
      .slice(0, MAX_FINDINGS_PER_CODE)
      .flatMap(({ field, message }) =>
        wrap(`${field === undefined ? '' : `${sanitize(field, 120)}: `}${sanitize(message, 400)}`, width, '    '),
      )
    return [
      `  ${paint(severity, severity)} ${code}: ${title}`,
      ...seen,
      ...(more > 0 ? [`    and ${more} more`] : []),
      ...wrap(`why: ${why}`, width, '      ').map(line => paint('dim', line)),
      ...wrap(`fix: ${narrow}`, width, '      ').map(line => paint('dim', line)),
    ]
  }
}

/** Summarizes a report in one line. */
export function summaryOf({ verdicts, findings, durationMs }: Report): string {
  const answered = (answer: Answer): number => verdicts.filter(verdict => verdict.answer === answer).length
  const found = ORDER.map(severity => {
    const number = findings.filter(({ code }) => kindOf(code).severity === severity).length
    return count(number, severity)
  })
  const answers = `${answered('pass')} passed, ${answered('fail')} failed, ${answered('person')} to review`
  return `${answers}; ${found.join(', ')}; ${(durationMs / 1000).toFixed(1)} s`
}

function firstEntries(evidence: readonly string[]): string[] {
  const more = evidence.length - MAX_EVIDENCE
  return [...evidence.slice(0, MAX_EVIDENCE), ...(more > 0 ? [`and ${more} more; --format json lists all`] : [])]
}

/** Groups findings by tool. Findings about the server as a whole come first. */
function byTool(findings: readonly Finding[]): [string, Finding[]][] {
  const groups = new Map<string, Finding[]>()
  for (const finding of [...findings].sort((a, b) => Number(a.tool !== undefined) - Number(b.tool !== undefined))) {
    const tool = finding.tool === undefined ? 'the server' : sanitize(finding.tool, 80)
    groups.set(tool, [...(groups.get(tool) ?? []), finding])
  }
  return [...groups]
}

/** Groups findings by code, the most severe first, so that each explanation is printed once. */
function byCode(findings: readonly Finding[]): [Finding, ...Finding[]][] {
  const groups = new Map<string, [Finding, ...Finding[]]>()
  for (const finding of findings) {
    const group = groups.get(finding.code)
    if (group) group.push(finding)
    else groups.set(finding.code, [finding])
  }
  const rank = ([{ code }]: readonly [Finding, ...Finding[]]): number => ORDER.indexOf(kindOf(code).severity)
  return [...groups.values()].sort((a, b) => rank(a) - rank(b))
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
