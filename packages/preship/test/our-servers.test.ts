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
  // Notes do not affect the answers.
  const own = findings.filter(({ code }) => {
    const kind = CATALOGUE[code]
    return kind?.severity !== 'note' && items.some(item => item === kind?.item)
  })
  expect(own).toEqual([])
  for (const item of items) {
    const verdict = verdicts.find(each => each.item === item)
    expect(verdict).toMatchObject({ item, answer: 'pass' })
    // Over standard input and output, no authorization is needed.
    if (item !== 8) expect(verdict?.evidence).not.toEqual([])
  }
}

const SOURCE = fileURLToPath(new URL('../../../servers/ticket-handler/src', import.meta.url))

describe.concurrent('the servers of this repository', () => {
  it('ticket-handler passes with required confirmations', async () => {
    const manifest = readManifest(join(SOURCE, '../preship.json'))
    const others = [sourceTree(SOURCE), manifestEvidence(manifest, SOURCE)]
    const report = await ours.local('ticket-handler', [], { TICKET_CONFIRM: 'required' }, others)
    // Nobody confirms creating a ticket, so there is no ticket to read and question 2 cannot be answered.
    expectPassed(report, [3, 4, 5, 6, 8])
  })

  it('all pass question 8 with the identity provider of the demo stack', async () => {
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
