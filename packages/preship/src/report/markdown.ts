import { kindOf } from '../catalogue.ts'
import { sanitize } from '../sanitize.ts'
import type { Answer } from '../verdict.ts'
import type { Report } from './report.ts'
import { summaryOf } from './terminal.ts'

const SIGN: Readonly<Record<Answer, string>> = { pass: '✅ pass', fail: '❌ fail', person: '❔ needs review' }

/** Formats a report as Markdown for a pull request or a wiki: a table of the eight answers, then the findings. */
export function markdownReport(report: Report): string {
  const { server, verdicts, findings, tools } = report
  const rows = verdicts.map(({ item, question, answer, evidence, codes }) => {
    const about = [...evidence.map(text => markdown(text)), ...codes.map(code => `\`${code}\``)].join('<br>')
    return `| ${item} | ${question} | ${SIGN[answer]} | ${about} |`
  })
  const codes = [...new Set(findings.map(({ code }) => code))]
  const sections = codes.flatMap(code => {
    const { severity, title, why, narrow } = kindOf(code)
    const items = findings
      .filter(finding => finding.code === code)
      .map(({ tool, field, message }) => {
        const where = [tool, field].filter(name => name !== undefined).map(name => `<code>${markdown(name)}</code>`)
        return `- ${[...where, markdown(message, 400)].join(' · ')}`
      })
    return ['', `### ${severity}: ${title} (\`${code}\`)`, '', why, '', `**Fix:** ${narrow}`, '', ...items]
  })
  return [
    `## preship: <code>${markdown(server.name, 80)}</code>`,
    '',
    `<code>${markdown(report.target)}</code>, ${tools.length} tools: ${summaryOf(report)}`,
    '',
    '| | question | answer | |',
    '|---|---|---|---|',
    ...rows,
    ...sections,
    '',
  ].join('\n')
}

/**
 * Escapes server text as character references, which Markdown decodes only after it has parsed markup: no markup, link
 * or table cell can result. A zero-width space after “@” and “#” keeps forges from notifying people and linking issues.
 */
function markdown(text: string, max = 200): string {
  return sanitize(text, max).replace(/[^\p{L}\p{M}\p{N} .,;()/“”‘’…–—-]|(?<=www)\./giu, character => {
    const reference = `&#${character.codePointAt(0)};`
    return character === '@' || character === '#' ? `${reference}&#8203;` : reference
  })
}
