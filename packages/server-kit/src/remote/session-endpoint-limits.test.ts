import { describe, expect, it, vi } from 'vitest'
import { stopClock } from '../../test/remote/clock.ts'
import { codeIn, initialize } from '../../test/remote/messages.ts'
import { openSessions, requester } from '../../test/remote/session-world.ts'

const MAX = 1_000
const MAX_PER_PERSON = 32
const IDLE_MS = 30 * 60_000

describe('the limits of legacy sessions', () => {
  it(`${verifies('P15', 'P16')} are 32 for one person, with all their programs: the one that is idle for longest ends`, async () => {
    const clock = stopClock()
    const { begin, callIn } = openSessions()
    const [first, second, others] = [requester('ada', 'one'), requester('ada', 'two'), requester('ben')]
    const theirs = await begin(others)
    clock.advance(1)
    const [one, two] = [await begin(first), await begin(second)]
    for (let count = 2; count < MAX_PER_PERSON; count += 1) await begin(requester('ada', `app-${count}`))
    clock.advance(1)
    expect(await callIn(one, first)).toBe(200)
    clock.advance(1)
    await begin(requester('ada', 'one-more'))
    expect(await callIn(two, second)).toBe(404)
    expect(await callIn(one, first)).toBe(200)
    expect(await callIn(theirs, others)).toBe(200)
  })

  it(`${verifies('P15', 'P16')} end no session that is in use: one more is refused until a reply is sent`, async () => {
    const { post, ask, begin, finish, callIn } = openSessions()
    const ids: string[] = []
    for (let count = 0; count < MAX_PER_PERSON; count += 1) ids.push(await begin())
    const streams = await Promise.all(ids.map(id => ask('GET', id)))
    const refused = await post(initialize())
    expect(refused.status).toBe(429)
    expect(refused.headers.get('mcp-session-id')).toBeNull()
    expect(codeIn(await refused.text())).toBe('RATE_LIMITED')
    for (const { status } of streams) expect(status).toBe(200)
    expect(finish).toHaveLength(MAX_PER_PERSON)
    finish[3]?.()
    const opened = await post(initialize())
    expect(opened.status).toBe(200)
    expect(await callIn(opened.headers.get('mcp-session-id') ?? '')).toBe(200)
    expect(await callIn(ids[3] ?? '')).toBe(404)
    expect(await callIn(ids[4] ?? '')).toBe(200)
  })

  it('do not count a session that its client has ended, even while its stream is still open', async () => {
    const { post, ask, begin } = openSessions()
    const ids: string[] = []
    for (let count = 0; count < MAX_PER_PERSON; count += 1) ids.push(await begin())
    for (const id of ids) expect((await ask('GET', id)).status).toBe(200)
    expect((await ask('DELETE', ids[0])).status).toBe(200)
    expect((await post(initialize())).status).toBe(200)
  })

  it(`${verifies('P15', 'P16')} are 1,000 for all: the person with the most makes room`, async () => {
    const clock = stopClock()
    const { begin, callIn } = openSessions()
    const ada = requester()
    const hers: string[] = []
    const theirs: string[] = []
    for (let count = 0; count < 30; count += 1) hers.push(await begin(ada))
    for (let count = 30; count < MAX; count += 1) theirs.push(await begin(requester(`person-${count % 97}`)))
    clock.advance(1)
    for (const id of hers.slice(1)) expect(await callIn(id, ada)).toBe(200)
    clock.advance(1)
    // There were 1,000: none has ended yet.
    expect(await callIn(hers[0] ?? '', ada)).toBe(200)
    const late = requester('late')
    expect(await callIn(await begin(late), late)).toBe(200)
    const statuses: number[] = []
    for (const id of hers) statuses.push(await callIn(id, ada))
    expect(statuses.filter(status => status === 404)).toHaveLength(1)
    expect(statuses[0]).toBe(200)
    expect(await callIn(theirs[0] ?? '', requester('person-30'))).toBe(200)
  })

  it(`${verifies('P16')} are half an hour without use`, async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    try {
      const { begin, callIn } = openSessions()
      const [used, unused] = [await begin(), await begin()]
      vi.advanceTimersByTime(IDLE_MS - 1)
      expect(await callIn(used)).toBe(200)
      vi.advanceTimersByTime(1)
      expect(await callIn(unused)).toBe(404)
      expect(await callIn(used)).toBe(200)
    } finally {
      vi.useRealTimers()
    }
  })
})
