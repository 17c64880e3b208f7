import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startStack } from '@narrow-deputies/demo-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { manifestEvidence, readManifest } from '../src/evidence/manifest.ts'
import { sourceTree } from '../src/evidence/source-tree.ts'
import type { Item } from '../src/finding.ts'
import type { Report } from '../src/report/report.ts'
import { OurServers } from './our-servers.ts'
import { probeRemote } from './probed.ts'

const ours = new OurServers()
beforeAll(() => ours.open())
afterAll(() => ours.close())

function expectPassed({ verdicts, findings }: Report, items: readonly Item[]): void {
  // Notes answer no question.
  const own = findings.filter(({ code }) => {
    const kind = CATALOGUE[code]
    return kind?.severity !== 'note' && items.some(item => item === kind?.item)
  })
  expect(own).toEqual([])
  for (const item of items) {
    const verdict = verdicts.find(each => each.item === item)
    expect(verdict).toMatchObject({ item, answer: 'pass' })
    // Over standard input and output there is nobody to let in.
    if (item !== 8) expect(verdict?.evidence).not.toEqual([])
  }
}

const sourceOf = (name: string): string => fileURLToPath(new URL(`../../../servers/${name}/src`, import.meta.url))

describe('our own servers', () => {
  for (const [name, items, env] of [
    ['blog-publisher', [2, 3, 4, 5, 6, 8], {}],
    ['crm-reader', [2, 3, 4, 5, 8], {}],
    ['ticket-handler', [2, 3, 4, 5, 6, 8], {}],
    // No person is there to let a ticket be opened, so that there is none to read: question 2 is left to somebody else.
    ['ticket-handler', [3, 4, 5, 6, 8], { TICKET_CONFIRM: 'required' }],
  ] as const)
    it(`${name} answers for itself over standard input and output ${JSON.stringify(env)}`, async () => {
      const manifest = readManifest(join(sourceOf(name), '../preship.json'))
      const others = [sourceTree(sourceOf(name)), manifestEvidence(manifest, sourceOf(name))]
      expectPassed(await ours.local(name, [], env, others), items)
    })

  for (const [name, items] of [
    ['blog-publisher', [2, 5, 6, 8]],
    ['crm-reader', [2, 5, 8]],
    ['ticket-handler', [2, 5, 6, 8]],
  ] as const)
    it(`${name} answers for itself over HTTP`, async () => {
      const report = await ours.remote(name)
      expectPassed(report, items)
      expect(report.verdicts.find(({ item }) => item === 8)?.evidence).toHaveLength(8)
    })

  it('answer at their door, with the identity provider that comes along', async () => {
    const state = mkdtempSync(join(tmpdir(), 'preship-stack-'))
    const stack = await startStack({ state })
    try {
      for (const { url } of stack.servers) expectPassed(await probeRemote(new URL(url)), [8])
    } finally {
      await stack.close()
      rmSync(state, { recursive: true, force: true })
    }
  })
})
