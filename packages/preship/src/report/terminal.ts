import { kindOf } from '../catalogue.ts'
import type { Finding, Severity } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Answer } from '../verdict.ts'
import type { Report } from './report.ts'
import { wrap } from './wrap.ts'

export interface TerminalOptions {
  readonly colours: boolean
  readonly width: number
}

const SIGN: Readonly<Record<Answer, string>> = { pass: '✓', fail: '✗', person: '?' }
const COLOUR = { pass: 32, fail: 31, person: 33, error: 31, warning: 33, note: 36, dim: 2, bold: 1 } as const
/** What a person reads at a terminal; the other formats hold all. */
const MOST_TOOLS = 40
const MOST_OF_A_KIND = 12
const MOST_EVIDENCE = 24
const ORDER: readonly Severity[] = ['error', 'warning', 'note']

/** For a person at a terminal: the eight answers at a glance, then what stands behind them. */
export function terminalReport(report: Report, { colours, width }: TerminalOptions): string {
  const paint = (style: keyof typeof COLOUR, text: string): string =>
    colours ? `\u001b[${COLOUR[style]}m${text}\u001b[0m` : text
  const name = plain(report.server.name, 80) || 'a server without a name'
  const version = plain(report.server.version, 40)
  const heading = `${name}${version && ` ${version}`}: ${count(report.tools.length, 'tool')}`
  const lines = [paint('bold', heading), ...wrap(plain(report.target), width).map(line => paint('dim', line)), '']
  for (const { item, question, answer, evidence } of report.verdicts) {
    lines.push(`${paint(answer, SIGN[answer])} ${item} ${question}${answer === 'person' ? ': needs a person' : ''}`)
    for (const text of cutOff(evidence.map(each => plain(each))))
      lines.push(...wrap(text, width, '    ').map(line => paint('dim', line)))
  }
  const tools = byTool(report.findings)
  for (const [tool, findings] of tools.slice(0, MOST_TOOLS)) {
    lines.push('', paint('bold', tool))
    for (const group of byKind(findings)) lines.push(...groupLines(group))
  }
  if (tools.length > MOST_TOOLS) lines.push('', `and ${tools.length - MOST_TOOLS} more tools: --format json`)
  lines.push('', summaryOf(report))
  return `${lines.join('\n')}\n`

  function groupLines(findings: readonly [Finding, ...Finding[]]): string[] {
    const { code } = findings[0]
    const { severity, why, narrow } = kindOf(code)
    const more = findings.length - MOST_OF_A_KIND
    const seen = findings
      .slice(0, MOST_OF_A_KIND)
      .flatMap(({ field, message }) =>
        wrap(`${field === undefined ? '' : `${plain(field, 120)}: `}${plain(message, 400)}`, width, '    '),
      )
    return [
      `  ${paint(severity, severity)} ${code}`,
      ...seen,
      ...(more > 0 ? [`    and ${more} more`] : []),
      ...wrap(`why: ${why}`, width, '      ').map(line => paint('dim', line)),
      ...wrap(`narrow it: ${narrow}`, width, '      ').map(line => paint('dim', line)),
    ]
  }
}

/** One line that says what it came to. */
export function summaryOf({ verdicts, findings, durationMs }: Report): string {
  const answered = (answer: Answer): number => verdicts.filter(verdict => verdict.answer === answer).length
  const found = ORDER.map(severity => {
    const number = findings.filter(({ code }) => kindOf(code).severity === severity).length
    return count(number, severity)
  })
  const answers = `${answered('pass')} passed, ${answered('fail')} failed, ${answered('person')} for a person`
  return `${answers}; ${found.join(', ')}; ${(durationMs / 1000).toFixed(1)} s`
}

function cutOff(evidence: readonly string[]): string[] {
  const more = evidence.length - MOST_EVIDENCE
  return [...evidence.slice(0, MOST_EVIDENCE), ...(more > 0 ? [`and ${more} more: --format json`] : [])]
}

/** What concerns the server as a whole comes first. */
function byTool(findings: readonly Finding[]): [string, Finding[]][] {
  const groups = new Map<string, Finding[]>()
  for (const finding of [...findings].sort((a, b) => Number(a.tool !== undefined) - Number(b.tool !== undefined))) {
    const tool = finding.tool === undefined ? 'the server' : plain(finding.tool, 80)
    groups.set(tool, [...(groups.get(tool) ?? []), finding])
  }
  return [...groups]
}

/** The worst first; why it matters is said once, however many fields it concerns. */
function byKind(findings: readonly Finding[]): [Finding, ...Finding[]][] {
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
