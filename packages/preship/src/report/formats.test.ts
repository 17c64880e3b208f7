import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../catalogue.ts'
import { ITEMS, type Item } from '../finding.ts'
import { differenceOf } from './difference.ts'
import { FORMATS, type Format, render } from './index.ts'
import type { Report } from './report.ts'
import { parseXml } from './xml.fixture.ts'

const [first = '', second = ''] = Object.keys(CATALOGUE)
const HOSTILE = [
  '\u001b[31mred\u001b]8;;https://evil.example\u0007',
  '\u009b2J\u202Eabc\u2066\u200b',
  '</failure><x a="b\'">&amp;]]>',
  '| `x` | [click](https://evil.example) <img src=x onerror=y> www.evil.example @somebody #1 ![](a) **b** __c__',
  '[text](1) \\',
].join(' ')

function reportOf(text: string): Report {
  const items = Object.keys(ITEMS).map(Number) as Item[]
  return {
    target: text,
    server: { name: text, version: text },
    tools: [text],
    verdicts: items.map(item => ({
      item,
      question: ITEMS[item],
      answer: item === 1 ? 'fail' : item === 2 ? 'person' : 'pass',
      evidence: [text],
      codes: item === 1 ? [first] : [],
    })),
    findings: [
      { code: first, message: text },
      { code: second, tool: text, message: text },
      { code: second, tool: text, field: text, message: text },
    ],
    durationMs: 1_234,
  }
}

function rendered(format: Format, text = 'publishArticle', colours = false): string {
  const options = { version: '1.2.3', width: 80, fails: ({ code }: { code: string }) => code === first }
  return render(reportOf(text), { ...options, format, colours, fileOf: () => 'a folder/preship.json' })
}

describe.each(FORMATS)('%s', format => {
  it('contains no control or bidirectional characters', () => {
    expect(rendered(format, HOSTILE)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  })

  it('contains every finding', () => {
    const text = rendered(format)
    expect(text).toContain(first)
    expect(text).toContain(second)
    expect(text).toContain('publishArticle')
  })
})

describe('terminal', () => {
  it('prints eight answers, groups findings by tool, and explains each code once', () => {
    const lines = rendered('terminal').split('\n')
    expect(lines.filter(line => /^[✓✗?] \d /.test(line))).toHaveLength(8)
    expect(lines.slice(3).filter(line => line === 'publishArticle')).toHaveLength(1)
    expect(lines.filter(line => line.includes(second))).toHaveLength(1)
    expect(lines.filter(line => line.includes('why: '))).toHaveLength(2)
    expect(lines.at(-2)).toMatch(/6 passed, 1 failed, 1 to review; .* 1\.2 s$/)
  })

  it('wraps lines at the width', () => {
    const text = rendered('terminal', `${'x'.repeat(150)} ${'漢'.repeat(60)}`)
    const lines = text.split('\n').filter(line => line.startsWith('   '))
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
  })

  it('uses colours only if they are enabled', () => {
    expect(rendered('terminal')).not.toContain('\u001b')
    const painted = rendered('terminal', HOSTILE, true)
    expect(painted.replace(/\u001b\[\d{1,2}m/g, '')).not.toContain('\u001b')
  })
})

describe('json', () => {
  it('includes the description of its code with each finding', () => {
    const report = JSON.parse(rendered('json')) as Record<string, unknown> & { findings: Record<string, unknown>[] }
    expect(report).toMatchObject({ schema: 'preship-report/1', tools: ['publishArticle'], durationMs: 1_234 })
    expect(report.findings).toHaveLength(3)
    for (const finding of report.findings)
      expect(Object.keys(finding)).toEqual([
        'code',
        'item',
        'severity',
        'tool',
        'field',
        'message',
        'title',
        'why',
        'narrow',
      ])
  })
})

describe('sarif', () => {
  it('has the structure of SARIF 2.1.0', () => {
    const log = JSON.parse(rendered('sarif')) as {
      version: string
      runs: {
        tool: { driver: { name: string; rules: { id: string; shortDescription: { text: string } }[] } }
        results: {
          ruleId: string
          ruleIndex: number
          level: string
          message: { text: string }
          locations: { physicalLocation: { artifactLocation: { uri: string } }; logicalLocations: object[] }[]
          partialFingerprints: Record<string, string>
        }[]
      }[]
    }
    expect(log.version).toBe('2.1.0')
    const [run] = log.runs
    expect(run?.tool.driver.name).toBe('preship')
    expect(run?.results).toHaveLength(3)
    for (const result of run?.results ?? []) {
      expect(run?.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId)
      expect(['none', 'note', 'warning', 'error']).toContain(result.level)
      expect(result.message.text).toContain('publishArticle')
      expect(result.locations[0]?.physicalLocation.artifactLocation.uri).toBe('a%20folder/preship.json')
      expect(result.locations[0]?.logicalLocations).toHaveLength(1)
    }
    const prints = run?.results.map(({ partialFingerprints }) => partialFingerprints['finding/v1'])
    expect(new Set(prints).size).toBe(3)
  })

  it('escapes brackets, so that a text contains no links', () => {
    const { runs } = JSON.parse(rendered('sarif', HOSTILE)) as { runs: { results: { message: { text: string } }[] }[] }
    for (const { message } of runs[0]?.results ?? []) expect(message.text).not.toMatch(/(?<!\\)[[\]]/)
  })
})

describe('junit', () => {
  it('is well-formed, with a test case for each question and each code', () => {
    const document = parseXml(rendered('junit', HOSTILE))
    const [suite] = document.children
    expect(document.name).toBe('testsuites')
    expect(suite?.attributes).toMatchObject({ tests: '10', failures: '2', skipped: '2', errors: '0' })
    const cases = suite?.children ?? []
    expect(cases.map(({ name }) => name)).toEqual(Array(10).fill('testcase'))
    expect(cases.at(-1)?.attributes.name).toBe(second)
    expect(cases[0]?.children.map(({ name }) => name)).toEqual(['failure'])
    expect(cases.flatMap(({ children }) => children).map(({ name }) => name)).not.toContain('x')
  })
})

describe('markdown', () => {
  it('has a table with eight rows of four cells', () => {
    const rows = rendered('markdown', HOSTILE)
      .split('\n')
      .filter(line => /^\| \d/.test(line))
    expect(rows).toHaveLength(8)
    for (const row of rows) expect(row.split('|')).toHaveLength(6)
  })

  it('escapes markup, links, HTML and mentions', () => {
    const text = rendered('markdown', HOSTILE)
    expect(text).not.toMatch(/<img|<\/failure|\]\(|!\[|https?:|www\.|@|(?<!&)#1|&amp;|\*\*b|__c/)
    expect(text.match(/<[^>]*>/g)?.filter(tag => !/^<\/?(?:code|br)>$/.test(tag))).toEqual([])
  })
})

describe('the difference between two reports', () => {
  it('lists what changed and nothing else', () => {
    const before = reportOf('a')
    const verdicts = before.verdicts.map(verdict =>
      verdict.item === 1 ? { ...verdict, answer: 'pass' as const } : verdict,
    )
    const now = { ...before, verdicts, findings: before.findings.slice(1) }
    expect(differenceOf(before, before)).toEqual([])
    expect(differenceOf(before, now)).toEqual([
      '1 narrow tools: fail → pass',
      expect.stringMatching(`^- \\w+ ${first}: a$`),
    ])
  })
})
