import { kindOf } from '../catalogue.ts'
import { type Finding, ITEMS } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Report } from './report.ts'

/** JUnit's XML: a test case for each question, and one for each kind of finding. */
export function junitReport(report: Report, fails: (finding: Finding) => boolean): string {
  const questions = report.verdicts.map(({ item, question, answer, evidence, codes }) => {
    const name = `${item} ${question}`
    if (answer === 'fail') return testCase('preship', name, 'failure', `answered with no: ${codes.join(', ')}`, '')
    if (answer === 'person') return testCase('preship', name, 'skipped', 'needs a person', '')
    return testCase('preship', name, undefined, '', evidence.join('\n'))
  })
  const codes = [...new Set(report.findings.map(({ code }) => code))]
  const kinds = codes.map(code => {
    const { item, title, why, narrow } = kindOf(code)
    const own = report.findings.filter(finding => finding.code === code)
    const seen = own.map(({ tool, field, message }) =>
      [tool ?? 'the server', ...(field === undefined ? [] : [field]), message].map(text => plain(text, 400)).join(': '),
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

/** Also without what XML admits in no form at all. */
function xml(text: string): string {
  return text.replace(/[^\n\P{C}]/gu, ' ').replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
