import { kindOf } from '../catalogue.ts'
import { type Finding, ITEMS } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Report } from './report.ts'

/** Formats a report as JUnit XML, with a test case for each question and each finding code. */
export function junitReport(report: Report, fails: (finding: Finding) => boolean): string {
  const questions = report.verdicts.map(({ item, question, answer, evidence, codes }) => {
    const name = `${item} ${question}`
    if (answer === 'fail') return testCase('preship', name, 'failure', `failed: ${codes.join(', ')}`, '')
    if (answer === 'person') return testCase('preship', name, 'skipped', 'needs review', '')
    return testCase('preship', name, undefined, '', evidence.join('\n'))
  })
  const codes = [...new Set(report.findings.map(({ code }) => code))]
  const kinds = codes.map(code => {
    const { item, title, why, narrow } = kindOf(code)
    const own = report.findings.filter(finding => finding.code === code)
    const seen = own.map(({ tool, field, message }) =>
      [tool ?? 'the server', ...(field === undefined ? [] : [field]), message]
        .map(text => sanitize(text, 400))
        .join(': '),
    )
    const outcome = own.some(fails) ? 'failure' : 'skipped'
    const className = `preship.${item} ${ITEMS[item]}`
    return testCase(className, code, outcome, title, [...seen, why, narrow].join('\n'))
  })
  const cases = [...questions, ...kinds]
  const number = (outcome: string): number => cases.filter(text => text.includes(`<${outcome} `)).length
  const counts = `tests="${cases.length}" failures="${number('failure')}" errors="0" skipped="${number('skipped')}"`
  const time = (report.durationMs / 1000).toFixed(3)
  const suite = `name="${xml(`preship ${report.target}`)}" ${counts} time="${time}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts} time="${time}">`,
    `  <testsuite ${suite}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(
  className: string,
  name: string,
  outcome: 'failure' | 'skipped' | undefined,
  message: string,
  text: string,
): string {
  const head = `    <testcase classname="${xml(className)}" name="${xml(name)}"`
  if (outcome === undefined && text === '') return `${head}/>`
  const body =
    outcome === undefined
      ? `<system-out>${xml(text)}</system-out>`
      : `<${outcome} message="${xml(message)}">${xml(text)}</${outcome}>`
  return `${head}>${body}</testcase>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Escapes text for XML. Replaces characters that XML does not allow in any form. */
function xml(text: string): string {
  return text.replace(/[^\n\P{C}]/gu, ' ').replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
