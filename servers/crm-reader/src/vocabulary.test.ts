import { describe, expect, it } from 'vitest'
import { CustomerId, Email } from './vocabulary.ts'

describe('a customer’s id', () => {
  it(`${verifies('P4')} is one plain segment of a URL`, () => {
    for (const id of ['cus_7hk2mq9tx4wd', '1', 'A-b_c', 'x'.repeat(64)])
      expect(CustomerId.safeParse(id).success, JSON.stringify(id)).toBe(true)
    for (const id of [
      '',
      '.',
      '..',
      '_a',
      '-a',
      'a/b',
      'a.json',
      'a%2fb',
      'a?b',
      'a#b',
      'a\n',
      'a b',
      'é',
      'a\u0000',
      'x'.repeat(65),
      7,
    ])
      expect(CustomerId.safeParse(id).success, JSON.stringify(id)).toBe(false)
  })
})

describe('a customer’s address', () => {
  it(`${verifies('P2')} is one whole address`, () => {
    for (const email of ['zoe+shop@bronteson.example', `${'a'.repeat(64)}@b.example`])
      expect(Email.safeParse(email).success, email).toBe(true)
    for (const email of [
      '',
      'zoe',
      '@bronteson.example',
      'a@b.example,c@d.example',
      'a@b.example\n',
      'a@b.example\nBcc: c@d.example',
      'Zoe <a@b.example>',
      `${'a'.repeat(250)}@b.example`,
    ])
      expect(Email.safeParse(email).success, email).toBe(false)
  })
})
