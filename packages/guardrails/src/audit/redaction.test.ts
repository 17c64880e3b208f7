import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openAuditLog } from './audit-log.ts'
import { parseAuditKey } from './key.ts'
import { type FieldPolicy, redact } from './redaction.ts'

const key = parseAuditKey('a1'.repeat(32))
const CANARY = 'canary4f1d'
const PSEUDONYM = expect.stringMatching(/^hmac:[0-9a-f]{8}:[0-9a-f]{32}$/)

/** Nested arrays or objects. */
function nested(depth: number, open: string, close: string): unknown {
  return JSON.parse(`${open.repeat(depth)}"${CANARY}"${close.repeat(depth)}`)
}

const FIELDS = ['id', 'name', 'items', '__proto__', 'constructor', 'toString']

/** Any JSON value, with the canary in its strings and field names. */
const value = fc.letrec<{ tree: unknown }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(CANARY, `${CANARY}@example.org`, null, true, 7),
    fc.string().map(text => `${text}${CANARY}${text}`),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(
            fc.constantFrom(...FIELDS),
            fc.constant(CANARY),
            fc.string().map(name => name + CANARY),
          ),
          tie('tree'),
        ),
        {
          maxLength: 4,
        },
      )
      .map(fields =>
        JSON.parse(`{${fields.map(([name, item]) => `${JSON.stringify(name)}:${JSON.stringify(item)}`).join(',')}}`),
      ),
  ),
})).tree

/** Any policy that declares nothing as clear. Its fields are those of the values, which may have another type. */
const policy = fc.letrec<{ tree: FieldPolicy }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<FieldPolicy>('pseudonym', 'drop', () => false),
    fc.dictionary(fc.constantFrom('id', 'name', 'items', 'constructor', 'toString'), tie('tree'), { maxKeys: 4 }),
    tie('tree').map((item): FieldPolicy => [item]),
  ),
})).tree

const GENERATED = trials('values', { short: 1_000, full: 5_000 })
const WRITTEN = trials('records', { short: 300, full: 1_000 })

describe('redact', () => {
  it(`${verifies('P11')} writes in clear only what the policy declares clear`, () => {
    const given = {
      id: 7,
      open: true,
      note: 'a note',
      email: 'jane@example.org',
      gone: 'x',
      tags: ['a', 'b'],
      extra: 'y',
    }
    const shown = redact(
      given,
      { id: 'clear', open: 'clear', note: 'clear', email: 'pseudonym', gone: 'drop', tags: ['clear'] },
      key,
    )
    expect(shown).toEqual({
      id: 7,
      open: true,
      note: 'a note',
      email: key.pseudonym('jane@example.org'),
      tags: ['a', 'b'],
      [key.pseudonym('extra')]: key.pseudonym('y'),
    })
  })

  it(`${verifies('P11')} writes in clear the single values for which the policy's function returns true`, () => {
    const asked: unknown[] = []
    const isNumbered = (value: unknown): boolean => {
      asked.push(value)
      return /^[a-z]+_\d+$/.test(String(value))
    }
    const shown = (given: unknown): unknown => redact(given, { id: isNumbered, ids: [isNumbered] }, key)
    expect(shown({ id: 'cus_1', ids: ['cus_2', CANARY] })).toEqual({
      id: 'cus_1',
      ids: ['cus_2', key.pseudonym(CANARY)],
    })
    expect(asked).toEqual(['cus_1', 'cus_2', CANARY])
    // An object could hide anything behind text that passes the test.
    for (const hidden of [{ toString: 'cus_1' }, ['cus_1'], [['cus_1']]])
      expect(shown({ id: hidden })).toEqual({ id: PSEUDONYM })
    expect(asked).toHaveLength(3)
    expect(shown({ id: undefined, ids: 'cus_1' })).toEqual({ ids: key.pseudonym('cus_1') })
  })

  it(`${verifies('P11')} never writes in clear a value or a field name that is not declared clear ${GENERATED.label}`, () => {
    fc.assert(
      fc.property(value, fc.option(policy, { nil: undefined }), (given, declared) => {
        expect(JSON.stringify(redact(given, declared, key)) ?? '').not.toContain(CANARY)
      }),
      { numRuns: GENERATED.count },
    )
  })

  it(`${verifies('P11')} keeps such values out of the file ${WRITTEN.label}`, () => {
    const log = openAuditLog({ file: join(tempFolder(), 'audit.jsonl'), key, server: 'test' })
    fc.assert(
      fc.property(value, fc.option(policy, { nil: undefined }), (given, declared) => {
        log.append({ event: 'outcome', args: log.redact(given, declared), result: log.redact({ given }, declared) })
      }),
      { numRuns: WRITTEN.count },
    )
    log.close()
    const written = readFileSync(log.path, 'utf8')
    expect(written.split('\n')).toHaveLength(WRITTEN.count + 3)
    expect(written).not.toContain(CANARY)
  })

  it.each<[string, FieldPolicy, unknown]>([
    ['an object where a clear value is declared', 'clear', { name: CANARY }],
    ['a list where a clear value is declared', 'clear', [CANARY]],
    ['an object in a list of clear values', ['clear'], [{ name: CANARY }]],
    ['a list in a list of clear values', ['clear'], [[CANARY]]],
    ['text where a record is declared', { name: 'clear' }, CANARY],
    ['a list where a record is declared', { 0: 'clear', length: 'clear' }, [CANARY]],
    ['a record where a list is declared', ['clear'], { 0: CANARY }],
    ['text where a list is declared', ['clear'], CANARY],
    ['a field beside the declared ones', { name: 'clear' }, { nickname: CANARY }],
    ['the name of a field beside the declared ones', { name: 'clear' }, { [CANARY]: 1 }],
    ['a field that only the prototype of the policy has', { name: 'clear' }, { constructor: CANARY, toString: CANARY }],
    ['a field called __proto__', { name: 'clear' }, JSON.parse(`{"__proto__":{"name":"${CANARY}"}}`)],
    ['a number where nothing is declared', {}, { amount: 123456789123 }],
  ])(`${verifies('P11')} writes a pseudonym for %s`, (_, declared, given) => {
    const text = JSON.stringify(redact(given, declared, key))
    expect(text).not.toContain(CANARY)
    expect(text).not.toContain('123456789123')
    expect(text).toContain(`hmac:${key.kid}:`)
  })

  it(`${verifies('P11')} writes undeclared values as pseudonyms, and null as null`, () => {
    expect(redact(CANARY, undefined, key)).toEqual(PSEUDONYM)
    expect(redact({ a: CANARY }, undefined, key)).toEqual(PSEUDONYM)
    expect(redact(null, undefined, key)).toBeNull()
    expect(redact(undefined, 'clear', key)).toBeUndefined()
    expect(redact(CANARY, 'drop', key)).toBeUndefined()
    expect(redact({ a: CANARY, b: CANARY }, { a: 'drop', b: 'drop' }, key)).toStrictEqual({})
    expect(redact([CANARY, CANARY], ['drop'], key)).toEqual([null, null])
    expect(redact([], ['clear'], key)).toEqual([])
    expect(redact({}, {}, key)).toEqual({})
  })

  it(`${verifies('P11', 'P16')} keeps a record small, however many undeclared fields there are`, () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${CANARY}${n}`, n]))
    const redacted = redact({ id: 'a1', ...many }, { id: 'clear' }, key) as Record<string, unknown>
    expect(redacted).toMatchObject({ id: 'a1', '(4968 more)': PSEUDONYM })
    expect(Object.keys(redacted)).toHaveLength(34)
    const few = Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`${CANARY}${n}`, n]))
    expect(Object.keys(redact(few, {}, key) as object).filter(name => name.endsWith('more)'))).toEqual([])
    expect(JSON.stringify(redacted)).not.toContain(CANARY)
    // The fields that are left out still determine the pseudonym.
    const other = redact({ id: 'a1', ...many, last: 1 }, { id: 'clear' }, key) as Record<string, unknown>
    expect(other['(4969 more)']).not.toBe(redacted['(4968 more)'])
    const changed = redact({ id: 'a1', ...many, [`${CANARY}4999`]: 'changed' }, { id: 'clear' }, key)
    expect((changed as Record<string, unknown>)['(4968 more)']).not.toBe(redacted['(4968 more)'])
  })

  it.each([10_000, 100_000])(`${verifies('P11')} writes %i nested levels as a pseudonym`, depth => {
    const cyclicRecord: Record<string, FieldPolicy> = {}
    cyclicRecord.a = cyclicRecord
    for (const given of [nested(depth, '[', ']'), nested(depth, '{"a":', '}')])
      for (const declared of ['clear', 'pseudonym', undefined, {}, cyclicRecord] satisfies (
        | FieldPolicy
        | undefined
      )[]) {
        const text = JSON.stringify(redact(given, declared, key))
        expect(text).not.toContain(CANARY)
        expect(text.length).toBeLessThan(150)
      }
  })

  it(`${verifies('P11')} writes 16 declared levels, and what is deeper as one pseudonym`, () => {
    const record: Record<string, FieldPolicy> = {}
    record.a = record
    const list: FieldPolicy[] = []
    list[0] = list as unknown as FieldPolicy
    for (const [open, close, declared] of [
      ['{"a":', '}', record],
      ['[', ']', list as unknown as FieldPolicy],
    ] as const) {
      const deeper = JSON.stringify(nested(2, open, close))
      expect(redact(nested(18, open, close), declared, key)).toEqual(
        JSON.parse(`${open.repeat(16)}"${key.pseudonym(deeper)}"${close.repeat(16)}`),
      )
    }
  })

  it('writes null in clear where a single value is declared clear', () => {
    expect(redact({ id: null, flag: null }, { id: 'clear', flag: value => value === null }, key)).toEqual({
      id: null,
      flag: null,
    })
  })

  it('gives a string the pseudonym of its text, and any other value that of its JSON', () => {
    expect(redact('7', undefined, key)).toBe(key.pseudonym('7'))
    expect(redact(7, undefined, key)).toBe(key.pseudonym('7'))
    expect(redact({ a: [1] }, 'pseudonym', key)).toBe(key.pseudonym('{"a":[1]}'))
    expect(redact(() => 1, 'pseudonym', key)).toEqual(PSEUDONYM)
  })

  it(`${verifies('P11')} gives a value the same pseudonym in every log with the same key, and another with another key`, () => {
    const folder = tempFolder()
    const [first, second, foreign] = ['a1', 'a1', 'b2'].map((byte, index) =>
      openAuditLog({ file: join(folder, `${index}.jsonl`), key: parseAuditKey(byte.repeat(32)), server: `s${index}` }),
    )
    const shown = first?.redact('jane@example.org', 'pseudonym')
    expect(shown).toEqual(PSEUDONYM)
    expect(second?.redact('jane@example.org', undefined)).toBe(shown)
    expect(second?.redact({ email: 'jane@example.org' }, { email: 'pseudonym' })).toEqual({ email: shown })
    expect(foreign?.redact('jane@example.org', 'pseudonym')).not.toBe(shown)
    for (const log of [first, second, foreign]) log?.close()
  })
})
