import { describe, expect, it, vi } from 'vitest'
import { FailedSignIns } from './failed-sign-ins.ts'
import { MemoryAdapter } from './memory.ts'

describe('the memory adapter', () => {
  it('lets an entry be used once', async () => {
    const memory = new MemoryAdapter()
    await memory.upsert('code', { grantId: 'g' }, 60)
    await memory.consume('code')
    expect(await memory.find('code')).toMatchObject({ consumed: expect.any(Number) })
    await expect(memory.consume('code')).rejects.toThrow('invalid_grant')
    await expect(memory.consume('gone')).rejects.toThrow('invalid_grant')
  })

  it('removes expired entries, and the oldest entry when it is full', async () => {
    vi.useFakeTimers()
    const memory = new MemoryAdapter()
    await memory.upsert('short', { uid: 'u' }, 10)
    expect(await memory.findByUid('u')).toEqual({ uid: 'u' })
    vi.advanceTimersByTime(10_000)
    expect(await memory.find('short')).toBeUndefined()
    for (let n = 0; n <= 5000; n++) await memory.upsert(`entry-${n}`, {})
    expect(await memory.find('entry-0')).toBeUndefined()
    expect(await memory.find('entry-1')).toEqual({})
    vi.useRealTimers()
  })
})

describe('failed sign-ins', () => {
  it('are counted for a minute, by username in any case, for at most a thousand names', () => {
    let now = 0
    const failures = new FailedSignIns(() => now)
    for (let n = 0; n < 5; n++) failures.add(' Ada')
    expect([failures.tooMany('ada'), failures.tooMany('grace')]).toEqual([true, false])
    now = 60_000
    expect(failures.tooMany('ada')).toBe(false)

    for (let n = 0; n < 5; n++) failures.add('ada')
    for (let n = 0; n < 1000; n++) failures.add(`name-${n}`)
    expect(failures.tooMany('ada')).toBe(false)
  })
})
