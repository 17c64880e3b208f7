import { describe, expect, it } from 'vitest'
import { createEchoCheck, textsOf } from './credential-echo.ts'

const TOKEN = 'nd_fake_7f3a9c51e2b84d60a1c5'
const check = createEchoCheck(TOKEN)

describe('a credential in a text', () => {
  it.each([
    ['as it is', TOKEN],
    ['with other text around it', `x${TOKEN}y`],
    ['a third of it and one character more', `x${TOKEN.slice(3, 14)}y`],
    ['with one letter percent-encoded', `%6e${TOKEN.slice(1)}`],
    [
      'with one letter percent-encoded in capitals',
      `${TOKEN.slice(0, 9)}${'%3A'.replace('3A', '66')}${TOKEN.slice(10)}`,
    ],
    ['in hex', Buffer.from(TOKEN).toString('hex')],
    ['in hex in capitals', Buffer.from(TOKEN).toString('hex').toUpperCase()],
  ])(`${verifies('P5')} is found: %s`, (_, text) => {
    expect(check(text)).toBe(true)
  })

  it(`${verifies('P5')} is found in base64, whatever stands before and after it, in both alphabets`, () => {
    // Some of the tokens encode to the letters in which the alphabets differ.
    for (const token of [TOKEN, 'a?>b~~~???>>>', 'k'.repeat(25), '~'.repeat(31)])
      for (let before = 0; before < 4; before += 1)
        for (let after = 0; after < 4; after += 1)
          for (const alphabet of ['base64', 'base64url'] as const) {
            const text = Buffer.from('x'.repeat(before) + token + 'y'.repeat(after)).toString(alphabet)
            expect(createEchoCheck(token)(`_ ${text} -`), `${token} ${before} ${after} ${alphabet}`).toBe(true)
          }
  })

  it.each([
    '',
    'nd_fake_',
    `${TOKEN.slice(0, 10)} ${TOKEN.slice(10, 20)}`,
    '%',
    '%zz%6',
    Buffer.from('nd_fake').toString('hex'),
  ])('is not found in %j', text => {
    expect(check(text)).toBe(false)
  })

  it('of fewer than 24 characters is found whole only, and of fewer than 8 not at all', () => {
    const short = createEchoCheck('a1b2c3d4e5f6a1b2c3d4e5f')
    expect(short('a1b2c3d4e5f6a1b2c3d4e5f')).toBe(true)
    expect(short('a1b2c3d4e5f6a1b2c3d4e5')).toBe(false)
    expect(createEchoCheck('12345678')('12345678')).toBe(true)
    expect(createEchoCheck('1234567')('1234567')).toBe(false)
  })
})

describe('the strings of a JSON value', () => {
  it('are joined in their order, keys before their values', () => {
    expect(textsOf({ a: 'b', c: ['d', { e: 'f' }, 1, null, true], g: {} })).toBe('abcdefg')
    expect(textsOf('x')).toBe('x')
    expect(textsOf(7)).toBe('')
  })

  it(`${verifies('P16')} are found at any depth`, () => {
    const depth = 200_000
    const value = JSON.parse(`${'['.repeat(depth)}"deep"${']'.repeat(depth)}`)
    expect(textsOf(value)).toBe('deep')
  })
})
