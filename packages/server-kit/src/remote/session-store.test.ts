import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSessionStore } from './session-store.ts'

const IDLE_MS = 10 * 60_000

describe('sessions', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function open({ max = 100, maxPerOwner = 10 } = {}) {
    const ended: string[] = []
    const sessions = createSessionStore<string>({
      max,
      maxPerOwner,
      idleMs: IDLE_MS,
      onEnd: value => void ended.push(value),
    })
    const add = (id: string, owner = 'ann'): boolean => sessions.add(id, owner, `value of ${id}`)
    return { sessions, ended, add }
  }

  it(`${verifies('P15')} are found by their owner only`, () => {
    const { sessions, add } = open()
    expect(add('a')).toBe(true)
    expect(sessions.find('a', 'ann')).toBe('value of a')
    for (const owner of ['ben', 'Ann', 'ann ', '', 'undefined']) expect(sessions.find('a', owner)).toBeUndefined()
    for (const id of ['b', '', 'A', '__proto__', 'constructor']) expect(sessions.find(id, 'ann')).toBeUndefined()
  })

  it(`${verifies('P15')} of one account share its limit and make room for each other, whichever owner has them`, () => {
    const { sessions, ended } = open({ maxPerOwner: 2 })
    const add = (id: string, owner: string): boolean => sessions.add(id, owner, id, 'ann')
    expect([add('a', 'ann at desk'), add('b', 'ann at phone'), add('c', 'ann at train')]).toEqual([true, true, true])
    expect(ended).toEqual(['a'])
    expect(sessions.find('b', 'ann at desk')).toBeUndefined()
    expect(sessions.find('b', 'ann at phone')).toBe('b')
  })

  it('of the account that has most make room for another account', () => {
    const { sessions, ended } = open({ max: 4, maxPerOwner: 3 })
    for (const id of ['a1', 'a2', 'a3']) expect(sessions.add(id, 'ann', id)).toBe(true)
    expect(sessions.add('b1', 'ben', 'b1')).toBe(true)
    expect(sessions.add('c1', 'cem', 'c1')).toBe(true)
    expect(ended).toEqual(['a1'])
    for (const id of ['a2', 'a3', 'b1', 'c1']) sessions.use(id)
    expect(sessions.add('d1', 'dia', 'd1')).toBe(false)
  })

  it('end after their idle time, and not before', () => {
    const { sessions, ended, add } = open()
    add('a')
    vi.advanceTimersByTime(IDLE_MS - 60_000)
    expect(sessions.find('a', 'ann')).toBeDefined()
    expect(ended).toEqual([])
    vi.advanceTimersByTime(120_000)
    expect(sessions.find('a', 'ann')).toBeUndefined()
    expect(ended).toEqual(['value of a'])
  })

  it('are looked through once a minute, or more often if their idle time is shorter', () => {
    const { ended, add } = open()
    add('a')
    vi.advanceTimersByTime(IDLE_MS - 1)
    expect(ended).toEqual([])
    vi.advanceTimersByTime(1)
    expect(ended).toEqual(['value of a'])
    const briefly = createSessionStore<string>({
      max: 1,
      maxPerOwner: 1,
      idleMs: 5_000,
      onEnd: value => void ended.push(value),
    })
    briefly.add('b', 'ann', 'b')
    vi.advanceTimersByTime(5_000)
    expect(ended).toEqual(['value of a', 'b'])
    // Ten minutes from now, with half a minute between two looks.
    vi.advanceTimersByTime(25_000)
    add('c')
    vi.advanceTimersByTime(IDLE_MS + 30_000)
    expect(ended).toEqual(['value of a', 'b', 'value of c'])
  })

  it('are not idle while they are in use, however long that takes and however many use them', () => {
    const { sessions, ended, add } = open()
    add('a')
    const [first, second] = [sessions.use('a'), sessions.use('a')]
    vi.advanceTimersByTime(3 * IDLE_MS)
    first()
    vi.advanceTimersByTime(3 * IDLE_MS)
    expect(ended).toEqual([])
    second()
    vi.advanceTimersByTime(IDLE_MS - 60_000)
    expect(sessions.find('a', 'ann')).toBeDefined()
    vi.advanceTimersByTime(120_000)
    expect(ended).toEqual(['value of a'])
  })

  it('begin their idle time anew with each use', () => {
    const { sessions, ended, add } = open()
    add('a')
    for (let round = 0; round < 5; round += 1) {
      vi.advanceTimersByTime(IDLE_MS - 60_000)
      sessions.use('a')()
    }
    expect(ended).toEqual([])
  })

  it(`${verifies('P15')} of one owner make room for each other: the one that is idle for longest ends`, () => {
    const { sessions, ended, add } = open({ maxPerOwner: 3 })
    for (const id of ['a', 'b', 'c']) {
      expect(add(id)).toBe(true)
      vi.advanceTimersByTime(1)
    }
    add('other', 'ben')
    sessions.use('a')()
    vi.advanceTimersByTime(1)
    expect(add('d')).toBe(true)
    expect(ended).toEqual(['value of b'])
    const used = sessions.use('c')
    expect(add('e')).toBe(true)
    expect(ended).toEqual(['value of b', 'value of a'])
    used()
    expect(sessions.find('other', 'ben')).toBeDefined()
  })

  it(`${verifies('P15')} that are all in use make no room`, () => {
    const { sessions, ended, add } = open({ maxPerOwner: 2 })
    add('a')
    add('b')
    const [doneWithA] = [sessions.use('a'), sessions.use('b')]
    expect(add('c')).toBe(false)
    expect(sessions.find('c', 'ann')).toBeUndefined()
    doneWithA()
    expect(add('c')).toBe(true)
    expect(ended).toEqual(['value of a'])
  })

  it(`${verifies('P15')} of other accounts never make room while they are in use`, () => {
    const { sessions, ended, add } = open({ max: 4, maxPerOwner: 3 })
    for (const id of ['a', 'b', 'c']) add(id)
    const ends = ['a', 'b', 'c'].map(id => sessions.use(id))
    expect(add('d', 'ben')).toBe(true)
    expect(add('e', 'eve')).toBe(false)
    expect(add('g')).toBe(false)
    expect(ended).toEqual([])
    ends[1]?.()
    expect(add('e', 'eve')).toBe(true)
    expect(ended).toEqual(['value of b'])
  })

  it('end once, whatever ends them', () => {
    const ended: string[] = []
    const sessions = createSessionStore<string>({
      max: 10,
      maxPerOwner: 10,
      idleMs: IDLE_MS,
      onEnd(value) {
        ended.push(value)
        // A transport that is closed reports that it is closed.
        sessions.remove(value)
      },
    })
    for (const id of ['a', 'b', 'c']) sessions.add(id, 'ann', id)
    sessions.remove('a')
    sessions.remove('a')
    const late = sessions.use('b')
    sessions.clear()
    late()
    sessions.remove('c')
    vi.advanceTimersByTime(3 * IDLE_MS)
    expect(ended).toEqual(['a', 'b', 'c'])
    expect(sessions.find('b', 'ann')).toBeUndefined()
  })

  it('that do not exist can be used and removed, which does nothing', () => {
    const { sessions } = open()
    sessions.use('x')()
    sessions.remove('x')
    expect(sessions.find('x', 'ann')).toBeUndefined()
  })

  it('have no timer any more once all are cleared', () => {
    const { sessions, add } = open()
    add('a')
    expect(vi.getTimerCount()).toBe(1)
    sessions.clear()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('do not keep a process alive', () => {
    open()
    vi.useRealTimers()
    const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const sessions = createSessionStore<string>({ max: 1, maxPerOwner: 1, idleMs: IDLE_MS, onEnd: () => {} })
    expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length).toBe(before)
    sessions.clear()
  })
})
