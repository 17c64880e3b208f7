import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { thrownBy } from '../../test/support.ts'
import { parseAuditKey, parseKeyBytes } from './key.ts'

const BYTES = Buffer.from('fb'.repeat(8) + 'ff3e'.repeat(12), 'hex')

describe('parseAuditKey', () => {
  it('reads the same key in hex, in base64 and in its URL alphabet', () => {
    const spellings = [
      BYTES.toString('hex'),
      BYTES.toString('hex').toUpperCase(),
      BYTES.toString('base64'),
      BYTES.toString('base64').replace(/=+$/, ''),
      BYTES.toString('base64url'),
      `  ${BYTES.toString('hex')}\n`,
    ]
    // The key contains characters in which base64 and base64url differ.
    expect(BYTES.toString('base64')).toMatch(/[+/]/)
    const expected = createHmac('sha256', BYTES).update('a line').digest('hex')
    for (const text of spellings) expect(parseAuditKey(text).mac('a line')).toBe(expected)
    expect(new Set(spellings.map(text => parseAuditKey(text).kid)).size).toBe(1)
  })

  it.each([
    ['an empty string', ''],
    ['spaces', '   \n'],
    ['31 bytes in hex', 'ab'.repeat(31)],
    ['31 bytes in base64', Buffer.alloc(31, 7).toString('base64')],
    ['a short word', 'secret'],
    ['words', 'correct horse battery staple, and then some more of it'],
    ['half a byte and a space', `${'ab'.repeat(32)} a`],
    ['too much padding', `${'QUJD'.repeat(11)}QQ===`],
    ['padding in the middle', `${'QUJD'.repeat(6)}==${'QUJD'.repeat(6)}`],
    ['control characters', `${'ab'.repeat(32)}\0`],
    ['JSON', JSON.stringify({ key: 'ab'.repeat(32) })],
  ])(`${verifies('P11')} refuses %s, with an error that does not repeat it`, (_, text) => {
    const error = thrownBy(() => parseAuditKey(text))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toMatch(/^a key (must be in hex or base64|has at least 32 bytes, not \d+)$/)
  })

  it(`${verifies('P11')} reveals nothing of the key except an id of 8 digits`, () => {
    const key = parseAuditKey(BYTES.toString('hex'))
    const shown = JSON.stringify(key) + Object.values(key).map(String).join(' ') + key.mac('x') + key.pseudonym('x')
    expect(key.kid).toMatch(/^[0-9a-f]{8}$/)
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      const text = BYTES.toString(form)
      expect(shown).not.toContain(text)
      expect(text).not.toContain(key.kid)
    }
  })

  it('gives different keys different ids', () => {
    const kids = Array.from({ length: 100 }, () => parseAuditKey(randomBytes(32).toString('hex')).kid)
    expect(new Set(kids).size).toBeGreaterThan(98)
  })
})

describe('parseKeyBytes', () => {
  it('decodes a key of 32 bytes or more', () => {
    for (const size of [32, 33, 64]) {
      const bytes = randomBytes(size)
      for (const encoding of ['hex', 'base64', 'base64url'] as const)
        expect(parseKeyBytes(bytes.toString(encoding)).equals(bytes)).toBe(true)
    }
  })

  it(`${verifies('P11')} refuses 31 bytes, and says how many there are`, () => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(thrownBy(() => parseKeyBytes(Buffer.alloc(31, 0xfb).toString(encoding))).message).toBe(
        'a key has at least 32 bytes, not 31',
      )
  })
})

describe('an audit key', () => {
  const key = parseAuditKey('a1'.repeat(32))
  const other = parseAuditKey('b2'.repeat(32))

  it(`${verifies('P10')} accepts only its own MAC of a line`, () => {
    const mac = key.mac('a line')
    expect(key.matches('a line', mac)).toBe(true)
    for (const wrong of ['', 'x', mac.slice(1), `${mac}0`, mac.toUpperCase(), 'é'.repeat(32), other.mac('a line')])
      expect(key.matches('a line', wrong)).toBe(false)
    expect(key.matches('a line ', mac)).toBe(false)
    expect(other.matches('a line', mac)).toBe(false)
  })

  it(`${verifies('P11')} gives a value always the same pseudonym, which differs from that of another key`, () => {
    const pseudonym = key.pseudonym('jane@example.org')
    expect(pseudonym).toMatch(new RegExp(`^hmac:${key.kid}:[0-9a-f]{32}$`))
    expect(parseAuditKey('a1'.repeat(32)).pseudonym('jane@example.org')).toBe(pseudonym)
    expect(key.pseudonym('jane@example.com')).not.toBe(pseudonym)
    expect(other.pseudonym('jane@example.org').split(':')[2]).not.toBe(pseudonym.split(':')[2])
  })

  it('has the same id, MACs and pseudonyms in every version, so that older files can be checked and searched', () => {
    expect(key.kid).toBe('b3b39324')
    expect(key.mac('a line')).toBe('8c9e6c0cb003f18dc6f02195ad19b4582ccf461edb69a349e85fd1f1b2fa2fea')
    expect(key.pseudonym('jane@example.org')).toBe('hmac:b3b39324:ff761f5720ee6f31aba0951240fdb4b6')
  })

  it(`${verifies('P10', 'P11')} never produces a MAC as a pseudonym`, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        const digits = key.pseudonym(value).split(':')[2] ?? ''
        expect(digits).toHaveLength(32)
        expect(key.mac(value)).not.toContain(digits)
      }),
    )
  })
})
