import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { examine } from '../src/examine.ts'
import type { Report } from '../src/report/report.ts'
import { RULE_KINDS } from '../src/rules/index.ts'
import { type Listed, strict, tool, writer } from './fixtures/listed.ts'

const LISTING = fileURLToPath(new URL('./fixtures/listing-server.mjs', import.meta.url))

async function inspect(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Report> {
  const target = { kind: 'stdio', program: process.execPath, args, env } as const
  const limits = { timeoutMs: 20_000, deadlineMs: 120_000, inspectOnly: true }
  return await examine({ target, mayWrite: false, neighbours: [], evidence: [], ...limits, onProgress: () => {} })
}

/** Codes of the rules’ errors and warnings. */
function severe({ findings }: Report): string[] {
  const codes = findings.map(({ code }) => code).filter(code => code in RULE_KINDS)
  return codes.filter(code => CATALOGUE[code]?.severity !== 'note')
}

describe('the rules for inputs', () => {
  const of = (one: Readonly<Record<string, unknown>>): readonly string[] => {
    const listed: Listed = { tools: [one] }
    return [LISTING, JSON.stringify(listed)]
  }
  const text = { type: 'string', maxLength: 4000 }
  const answerTo1 = ({ verdicts }: Report) => verdicts.find(({ item }) => item === 1)?.answer

  it('fail for executeSql(sql)', async () => {
    const report = await inspect(of(writer('executeSql', 'Executes SQL.', { sql: text })))
    expect(answerTo1(report)).toBe('fail')
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'SQL_INPUT', tool: 'executeSql', field: 'sql' }),
    )
  })

  it('fail for publishArticle(title, body, tags), because its body is free text', async () => {
    const tags = { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 20 } }
    const report = await inspect(
      of(writer('publishArticle', 'Publishes an article.', { title: text, body: text, tags })),
    )
    expect(answerTo1(report)).toBe('fail')
    expect(severe(report)).toEqual(['PUBLISHED_TEXT'])
    expect(report.findings).toContainEqual(expect.objectContaining({ code: 'PUBLISHED_TEXT', field: 'body' }))
  })

  it('pass for publishDraft(filename)', async () => {
    const filename = { type: 'string', maxLength: 200 }
    const report = await inspect(of(writer('publishDraft', 'Publishes a draft.', { filename })))
    expect(severe(report)).toEqual([])
    expect(answerTo1(report)).toBe('pass')
  })

  it('have no findings for an empty tool list', async () => {
    const report = await inspect([LISTING, JSON.stringify({ tools: [] })])
    expect(severe(report)).toEqual([])
  })

  it('ignore the fields of output schemas', async () => {
    const outputSchema = strict({ url: { type: 'string' }, sql: { type: 'string' } })
    expect(severe(await inspect(of(tool('getTicket', undefined, { outputSchema }))))).toEqual([])
  })
})

describe('the servers of this repository', () => {
  const folder = mkdtempSync(join(tmpdir(), 'preship-'))
  chmodSync(folder, 0o700)
  afterAll(() => rmSync(folder, { recursive: true }))

  const backend = (prefix: string) => ({
    [`${prefix}_API_URL`]: 'http://127.0.0.1:9/v1',
    [`${prefix}_API_KEY`]: 'unused',
  })
  it.each([
    ['blog-publisher', { ...backend('BLOG'), BLOG_DRAFTS_DIR: folder }],
    ['crm-reader', backend('CRM')],
    ['ticket-handler', backend('TICKET')],
  ])('%s has no findings', async (name, env) => {
    const main = fileURLToPath(new URL(`../../../servers/${name}/dist/main.mjs`, import.meta.url))
    const audit = { AUDIT_FILE: join(folder, `${name}.jsonl`), AUDIT_KEY: 'ab'.repeat(32) }
    const report = await inspect([main], { ...env, ...audit })
    expect(report.tools.length).toBeGreaterThan(0)
    expect(report.findings.filter(({ code }) => code in RULE_KINDS)).toEqual([])
  })
})
