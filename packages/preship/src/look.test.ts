import { describe, expect, it } from 'vitest'
import { look, lookAgain } from './look.ts'
import type { Session } from './wire/session.ts'

/** No time is left after the first page: none of this depends on how fast a machine is. */
const NO_TIME = -1
const PLENTY = 3_600_000

/** A connection to a server that lists one tool a page, the next listing what `names` says then. */
function listing(...names: (readonly string[])[]): Session {
  let n = -1
  return {
    era: 'legacy',
    server: { name: 'paged', version: '1' },
    instructions: '',
    capabilities: ['tools'],
    wire: { oddities: [] } as unknown as Session['wire'],
    form: () => {
      throw new Error('nothing is sent')
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

const kindsOf = ({ oddities }: { oddities: readonly { kind: string }[] }) => oddities.map(({ kind }) => kind)

describe('a list of more than one page', () => {
  it('is read whole where there is time for it', async () => {
    const surface = await look(listing(['a', 'b', 'c']), PLENTY)
    expect(surface.tools.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(kindsOf(surface)).toEqual([])
  })

  it('that was not read to its end is as bad as one that has none', async () => {
    const surface = await look(listing(['a', 'evil']), NO_TIME)
    expect(surface.tools.map(({ name }) => name)).toEqual(['a'])
    expect(kindsOf(surface)).toEqual(['endless-list'])
  })

  it('has changed only if it was read to its end the second time, too', async () => {
    const session = listing(['a', 'b'])
    const before = await look(session, PLENTY)
    expect(await lookAgain(session, before, NO_TIME)).toEqual([])
    const changing = listing(['a', 'b'], ['a', 'b'], ['a', 'evil'])
    expect((await lookAgain(changing, await look(changing, PLENTY), PLENTY)).map(({ kind }) => kind)).toEqual([
      'changing-list',
    ])
  })

  it('is looked at again also where it is slow', async () => {
    const changing = listing(['a'], ['a'], ['evil'])
    const before = await look(changing, PLENTY)
    const slow = { ...before, oddities: [{ kind: 'slow', text: 'it takes long' }] as const }
    expect((await lookAgain(changing, slow, PLENTY)).map(({ kind }) => kind)).toEqual(['changing-list'])
  })
})
