import { describe, expect, it } from 'vitest'
import { bytesInBuffers } from '../../test/stdio/memory.ts'
import { splitLines } from './line-splitter.ts'

const MEBIBYTE = 1024 * 1024

/** What a stream of chunks is split into. `null` stands for a line that is too long. */
function split(chunks: readonly (string | Buffer)[], maxBytes = 1000): (string | null)[] {
  const found: (string | null)[] = []
  const onData = splitLines(
    maxBytes,
    line => found.push(line.toString()),
    () => found.push(null),
  )
  for (const chunk of chunks) onData(Buffer.from(chunk))
  return found
}

describe('lines', () => {
  const LINES = ['naïve 😀 \u2028 日本', '', '"\\n"', 'a\r', '\u0000']

  it('are the same wherever the stream is cut', () => {
    const bytes = Buffer.from(`${LINES.join('\n')}\n`)
    for (let cut = 0; cut <= bytes.length; cut += 1)
      expect(split([bytes.subarray(0, cut), bytes.subarray(cut)]), `cut at ${cut}`).toEqual(LINES)
  })

  it('are the same byte by byte', () => {
    const bytes = Buffer.from(`${LINES.join('\n')}\n`)
    expect(split([...bytes].map(byte => Buffer.of(byte)))).toEqual(LINES)
  })

  it('without a newline at their end are kept back until it comes', () => {
    expect(split(['a\nb'])).toEqual(['a'])
    expect(split(['a\nb', '', 'c', '\n'])).toEqual(['a', 'bc'])
  })

  it(`${verifies('P16')} may be as long as the limit, in bytes and without the newline, and no longer`, () => {
    expect(split(['1234\n12345\n123\n'], 4)).toEqual(['1234', null, '123'])
    expect(split(['é😀\n', 'éé\n'], 4)).toEqual([null, 'éé'])
  })

  it(`${verifies('P16')} that are too long are reported once each, at their end`, () => {
    expect(split(['123', '45', '678'], 4)).toEqual([])
    expect(split(['123', '45', '678', '9\nab\n', '12345', '6\n'], 4)).toEqual([null, 'ab', null])
  })

  it(`${verifies('P16')} that are too long are not kept`, async () => {
    const found: (string | null)[] = []
    const onData = splitLines(
      64 * MEBIBYTE,
      line => found.push(line.toString()),
      () => found.push(null),
    )
    const before = await bytesInBuffers()
    for (let index = 0; index < 128; index += 1) onData(Buffer.alloc(MEBIBYTE, '{'))
    // Half of what would be kept up to the limit.
    expect((await bytesInBuffers()) - before).toBeLessThan(32 * MEBIBYTE)
    expect(found).toEqual([])
    onData(Buffer.from('\nafter\n'))
    expect(found).toEqual([null, 'after'])
  })
})
