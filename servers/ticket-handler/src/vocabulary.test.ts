import {
  describeEmailAddress,
  describeGivenText,
  describeId,
  describeShownText,
} from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { CustomerEmail, plainText, TicketId, untrustedText } from './vocabulary.ts'

describeShownText('a backend’s text', { end: (text, max) => untrustedText(max).parse(text) })
describeGivenText(text => plainText(10).safeParse(text).success)
describeId('a ticket’s id', TicketId, 'tic_4mz8wk2hqv6s')
describeEmailAddress('a customer’s address', CustomerEmail)

describe('a backend’s text', () => {
  it('keeps its lines, however they end', () => {
    const Text = untrustedText(10)
    expect(Text.parse('a\n\tb')).toBe('a\n\tb')
    expect(Text.parse('a\r\nb\rc\nd')).toBe('a\nb\nc\nd')
    expect(Text.parse('a\u2028b\u2029c')).toBe('a\nb\nc')
  })
})

describe('a caller’s text', () => {
  const Text = plainText(10)

  it('may be on several lines', () => {
    expect(Text.parse('a\n\tb')).toBe('a\n\tb')
  })

  it(`${verifies('P2')} has something in it, and not too much`, () => {
    for (const text of ['', ' ', '\n\t ', '\u00a0', '\u3000', 'x'.repeat(11)])
      expect(Text.safeParse(text).success).toBe(false)
    expect(Text.safeParse('x'.repeat(10)).success).toBe(true)
  })
})
