import { describe, expect, it } from 'vitest'
import { createCounter } from './counter.ts'

describe('a counter', () => {
  it('counts each key by itself', () => {
    const counter = createCounter<string>()
    expect([counter.of('a'), counter.size, counter.keys()]).toEqual([0, 0, []])
    counter.add('a')
    counter.add('b')
    counter.add('a')
    expect([counter.of('a'), counter.of('b'), counter.of('c')]).toEqual([2, 1, 0])
    expect(counter.keys()).toEqual(['a', 'b'])
    expect(counter.size).toBe(2)
  })

  it('forgets a key once its count is zero', () => {
    const counter = createCounter<string>()
    for (const key of ['a', 'a', 'b']) counter.add(key)
    counter.remove('a')
    expect([counter.of('a'), counter.of('b'), counter.size]).toEqual([1, 1, 2])
    counter.remove('a')
    expect([counter.of('a'), counter.of('b'), counter.size]).toEqual([0, 1, 1])
    expect(counter.keys()).toEqual(['b'])
  })

  it('never counts below zero', () => {
    const counter = createCounter<string>()
    counter.remove('a')
    expect([counter.of('a'), counter.size]).toEqual([0, 0])
    counter.add('a')
    expect(counter.of('a')).toBe(1)
  })

  it('gives a list of keys that later changes do not touch', () => {
    const counter = createCounter<string>()
    counter.add('a')
    const keys = counter.keys()
    counter.add('b')
    counter.remove('a')
    expect(keys).toEqual(['a'])
  })
})
