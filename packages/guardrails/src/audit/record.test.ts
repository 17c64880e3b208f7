import { describe, expect, it } from 'vitest'
import { type Caller, GENESIS, joinMac, parseRecord, principalOf, splitMac } from './record.ts'

const MAC = 'ab'.repeat(32)
const RECORD = { v: 1, seq: 7, event: 'intent', kid: '00112233', prev: '0'.repeat(64) }
const lineOf = (fields: Record<string, unknown>, mac = MAC): string => joinMac(JSON.stringify(fields), mac)

describe('principalOf', () => {
  const local: Caller = { kind: 'os', id: 'me', host: 'here' }
  const remote: Caller = { kind: 'oauth', id: 'jane', host: '192.0.2.1', clientId: 'desktop' }

  it('names a local caller by user and host', () => {
    expect(principalOf(local)).toBe('os:me@here')
    expect(principalOf({ ...local, client: { name: 'x', version: '1' } })).toBe('os:me@here')
  })

  it('names a remote caller by subject and client, whatever the address', () => {
    expect(principalOf(remote)).toBe('["oauth","jane","desktop"]')
    expect(principalOf({ ...remote, host: '192.0.2.2' })).toBe(principalOf(remote))
    expect(principalOf({ kind: 'oauth', id: 'jane', host: '192.0.2.1' })).toBe('["oauth","jane",null]')
  })

  it(`${verifies('P12')} gives different callers different names`, () => {
    const callers: Caller[] = [
      local,
      { ...local, id: 'you' },
      { ...local, host: 'there' },
      remote,
      { ...remote, id: 'joe' },
      { ...remote, clientId: 'web' },
      // The parts of the name cannot be shifted into each other.
      { ...remote, id: 'jane","desktop' },
      { ...remote, id: 'jane:desktop', clientId: '' },
      { ...remote, id: 'jane', clientId: 'null' },
      { kind: 'oauth', id: 'jane', host: '192.0.2.1' },
    ]
    expect(new Set(callers.map(principalOf)).size).toBe(callers.length)
  })
})

it('the first record of a chain continues 64 zeros', () => {
  expect(GENESIS).toBe('0000000000000000000000000000000000000000000000000000000000000000')
})

describe('splitMac', () => {
  it('is the inverse of joinMac', () => {
    const covered = JSON.stringify({ ...RECORD, args: { text: ',"mac":"x"}' } })
    expect(joinMac(covered, MAC)).toBe(`${covered.slice(0, -1)},"mac":"${MAC}"}`)
    expect(splitMac(joinMac(covered, MAC))).toEqual({ covered, mac: MAC })
  })

  it(`${verifies('P10')} takes the last field only`, () => {
    const covered = JSON.stringify({ ...RECORD, args: { a: 1, mac: '0'.repeat(64) } })
    expect(splitMac(joinMac(covered, MAC))).toEqual({ covered, mac: MAC })
    expect(splitMac(covered)).toBeUndefined()
  })

  it.each([
    ['nothing', ''],
    ['no MAC', JSON.stringify(RECORD)],
    ['a short MAC', lineOf(RECORD, MAC.slice(1))],
    ['a MAC in capitals', lineOf(RECORD, MAC.toUpperCase())],
    ['a newline at the end', `${lineOf(RECORD)}\n`],
    ['text after it', `${lineOf(RECORD)} `],
    ['a field after the MAC', `${lineOf(RECORD).slice(0, -1)},"x":1}`],
  ])(`${verifies('P10')} returns undefined for %s`, (_, line) => {
    expect(splitMac(line)).toBeUndefined()
  })
})

describe('parseRecord', () => {
  it('returns a record with all its fields', () => {
    expect(parseRecord(lineOf({ ...RECORD, tool: 'read_it' }))).toEqual({ ...RECORD, tool: 'read_it', mac: MAC })
  })

  it.each<[string, string]>([
    ['an empty line', ''],
    ['another text', 'x'],
    ['half a record', lineOf(RECORD).slice(0, -10)],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['another version', lineOf({ ...RECORD, v: 2 })],
    ['no version', lineOf({ ...RECORD, v: undefined })],
    ['no number', lineOf({ ...RECORD, seq: undefined })],
    ['a number that is text', lineOf({ ...RECORD, seq: '7' })],
    ['a fraction as its number', lineOf({ ...RECORD, seq: 7.5 })],
    ['too large a number', lineOf({ ...RECORD, seq: 2 ** 53 })],
    ...['event', 'kid', 'prev'].flatMap((field): [string, string][] => [
      [`no ${field}`, lineOf({ ...RECORD, [field]: undefined })],
      [`a number as its ${field}`, lineOf({ ...RECORD, [field]: 7 })],
    ]),
    ['no MAC', JSON.stringify(RECORD)],
    ['a MAC that is not its last field', JSON.stringify({ mac: MAC, ...RECORD })],
  ])(`${verifies('P9', 'P10')} returns undefined for %s`, (_, line) => {
    expect(parseRecord(line)).toBeUndefined()
  })
})
