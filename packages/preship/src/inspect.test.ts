import { describe, expect, it } from 'vitest'
import { inspect, inspectAgain } from './inspect.ts'
import type { Session } from './wire/session.ts'

/** Time limits that do not depend on the speed of the machine: none left after the first page, and plenty. */
const NO_TIME = -1
const PLENTY = 3_600_000

/** A session whose server lists one tool per page. Each further listing uses the next array of names. */
function listing(...names: (readonly string[])[]): Session {
  let n = -1
  return {
    era: 'legacy',
    server: { name: 'paged', version: '1' },
    instructions: '',
    capabilities: ['tools'],
    wire: { anomalies: [] } as unknown as Session['wire'],
    form: () => {
      throw new Error('this session sends no requests')
    },
    async request(_, params = {}) {
      if (params.cursor === undefined) n += 1
      const all = names[Math.min(n, names.length - 1)] ?? []
      const at = Number(params.cursor ?? 0)
      const isLast = at === all.length - 1
      return { result: { tools: [{ name: all[at] }], ...(!isLast && { nextCursor: String(at + 1) }) } }
    },
  }
}

const kindsOf = ({ anomalies }: { anomalies: readonly { kind: string }[] }) => anomalies.map(({ kind }) => kind)

it('keeps other properties that are listed with a tool', async () => {
  const icons = [{ src: 'https://example.com/a.png' }]
  const session = { ...listing(['a']), request: async () => ({ result: { tools: [{ name: 'a', icons }] } }) }
  expect((await inspect(session, PLENTY)).tools).toEqual([expect.objectContaining({ name: 'a', other: { icons } })])
})

describe('a tool list of several pages', () => {
  it('is read to the end if there is time', async () => {
    const surface = await inspect(listing(['a', 'b', 'c']), PLENTY)
    expect(surface.tools.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(kindsOf(surface)).toEqual([])
  })

  it('counts as endless if it is not read to the end in time', async () => {
    const surface = await inspect(listing(['a', 'evil']), NO_TIME)
    expect(surface.tools.map(({ name }) => name)).toEqual(['a'])
    expect(kindsOf(surface)).toEqual(['endless-list'])
  })

  it('counts as changed only if it is read to the end the second time as well', async () => {
    const session = listing(['a', 'b'])
    const before = await inspect(session, PLENTY)
    expect(await inspectAgain(session, before, NO_TIME)).toEqual([])
    const changing = listing(['a', 'b'], ['a', 'b'], ['a', 'evil'])
    expect((await inspectAgain(changing, await inspect(changing, PLENTY), PLENTY)).map(({ kind }) => kind)).toEqual([
      'changing-list',
    ])
  })

  it('is read again even if it is slow', async () => {
    const changing = listing(['a'], ['a'], ['evil'])
    const before = await inspect(changing, PLENTY)
    const slow = { ...before, anomalies: [{ kind: 'slow', text: 'the tool list took long' }] as const }
    expect((await inspectAgain(changing, slow, PLENTY)).map(({ kind }) => kind)).toEqual(['changing-list'])
  })
})
