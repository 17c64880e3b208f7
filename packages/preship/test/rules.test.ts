import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { examine } from '../src/examine.ts'
import type { Finding } from '../src/finding.ts'
import { RULE_KINDS } from '../src/rules/index.ts'
import type { Target } from '../src/target.ts'
import { CASES } from './fixtures/cases.ts'
import type { Listed } from './fixtures/listed.ts'
import { replyTo } from './fixtures/listing.ts'

const MISBEHAVING = fileURLToPath(new URL('./fixtures/listing-server.mjs', import.meta.url))

/** One HTTP server for all correct servers: the path of the URL selects what it lists. */
const served: Listed[] = []
const http = createServer(async (request, response) => {
  const reply = replyTo(served[Number(request.url?.slice(1))] ?? {}, JSON.parse(await text(request)))
  response.writeHead(reply ? 200 : 202, { 'Content-Type': 'application/json' }).end(reply && JSON.stringify(reply))
})
beforeAll(() => new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve)))
afterAll(() => void http.close())

function targetOf(listed: Listed): Target {
  // Misbehaviour depends on the transport, so these servers are processes.
  if (listed.behaviour !== undefined)
    return { kind: 'stdio', program: process.execPath, args: [MISBEHAVING, JSON.stringify(listed)], env: {} }
  const { port } = http.address() as AddressInfo
  return { kind: 'url', url: new URL(`http://127.0.0.1:${port}/${served.push(listed) - 1}`), token: undefined }
}

/** The rule findings for a server. */
async function found({ neighbours = [], ...listed }: Listed): Promise<readonly Finding[]> {
  const { findings } = await examine({
    target: targetOf(listed),
    mayWrite: false,
    neighbours,
    evidence: [],
    timeoutMs: listed.behaviour === 'deep' ? 4_000 : 20_000,
    deadlineMs: 120_000,
    inspectOnly: true,
    onProgress: () => {},
  })
  return findings.filter(({ code }) => code in RULE_KINDS)
}

describe.concurrent.each(Object.keys(RULE_KINDS) as (keyof typeof RULE_KINDS)[])('%s', code => {
  const { found: bad = [], clean = [] } = CASES[code] ?? {}

  it('has servers with the finding and similar servers without it', () => {
    expect(bad.length).toBeGreaterThan(0)
    expect(clean.length).toBeGreaterThan(0)
  })

  it.each(bad.map((listed, n) => [n, listed] as const))('is found (%i)', async (_, listed) => {
    const codes = (await found(listed)).map(finding => finding.code)
    expect(codes).toContain(code)
  })

  it.each(clean.map((listed, n) => [n, listed] as const))(
    'is not found at a similar server (%i)',
    async (_, listed) => {
      const findings = await found(listed)
      expect(findings.filter(finding => finding.code === code)).toEqual([])
      // A similar server has no errors of other codes either.
      expect(findings.filter(finding => CATALOGUE[finding.code]?.severity === 'error')).toEqual([])
    },
  )
})

describe('the catalogue', () => {
  it('describes each code: what is wrong, why it matters and how to fix it', () => {
    for (const [code, { title, why, narrow }] of Object.entries(CATALOGUE)) {
      expect(code).toMatch(/^[A-Z]+(?:_[A-Z0-9]+)*$/)
      for (const text of [title, why, narrow]) expect(text.length).toBeGreaterThan(5)
      for (const text of [why, narrow]) expect(text).toMatch(/^\S.*[.?]$/)
    }
  })
})
