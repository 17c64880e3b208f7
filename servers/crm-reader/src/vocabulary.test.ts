import {
  describeEmailAddress,
  describeGivenText,
  describeId,
  describeShownText,
} from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { CustomerId, Email, isPlain, untrustedText } from './vocabulary.ts'

describeShownText('a backend’s text', { end: (text, max) => untrustedText(max).parse(text) })
describeGivenText(isPlain)
describeId('a customer’s id', CustomerId, 'cus_7hk2mq9tx4wd')
describeEmailAddress('an address', Email)

describe('a backend’s text', () => {
  it(`${verifies('P17')} is on one line, with its words apart`, () => {
    expect(untrustedText(10).parse('a\r\nb\tc\u2028d\u2029 e')).toBe('a b c d e')
  })
})
