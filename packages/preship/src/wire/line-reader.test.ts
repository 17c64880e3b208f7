import { describe, expect, it } from 'vitest'
import { LineReader } from './line-reader.ts'
import { LIMITS } from './wire.ts'

function read(...chunks: readonly (string | Uint8Array)[]): [string, boolean][] {
  const lines: [string, boolean][] = []
  const reader = new LineReader((line, isUtf8) => lines.push([line, isUtf8]))
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return lines
}

describe('the line reader', () => {
  it('returns the same lines however the input is split', () => {
    const text = 'a\r\n\nbä漢\n'
    const whole = read(text)
    expect(whole).toEqual([
      ['a', true],
      ['', true],
      ['bä漢', true],
    ])
    expect(read(...[...Buffer.from(text)].map(byte => Uint8Array.of(byte)))).toEqual(whole)
    expect(read('no newline')).toEqual([])
  })

  it('distinguishes invalid UTF-8 from a replacement character that was sent', () => {
    expect(read(Buffer.from([0x61, 0xff, 0x0a]), '\uFFFD\n')).toEqual([
      ['a\uFFFD', false],
      ['\uFFFD', true],
    ])
  })

  it('fails at a line and at a total above the limits', () => {
    const block = Buffer.alloc(1024 * 1024, 'x')
    const count = (bytes: number): number => Math.ceil(bytes / block.length) + 1
    expect(() => read(...Array(count(LIMITS.messageBytes)).fill(block))).toThrow('larger than 8 MB')
    const line = Buffer.concat([block, Buffer.from('\n')])
    expect(() => read(...Array(count(LIMITS.totalBytes)).fill(line))).toThrow('more than 96 MB')
  })
})
