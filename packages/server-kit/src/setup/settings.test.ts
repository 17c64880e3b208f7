import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { problemsOf } from '../../test/setup/problems.ts'
import { PLACEHOLDER_PROBLEM } from './placeholder.ts'
import { defineSettings, givenBy, readSettings, together } from './settings.ts'
import { optional, required, withDefault } from './variable.ts'

const SETTINGS = defineSettings({
  url: required('THE_URL', 'where it is', z.url()),
  level: withDefault('THE_LEVEL', 'how much', z.enum(['low', 'high']), 'low'),
  count: withDefault('THE_COUNT', 'how many', z.coerce.number('must be a number').min(1).max(9), '5'),
  note: optional('THE_NOTE', 'anything', z.string().max(10), 'no note'),
})

const GIVEN = { THE_URL: 'https://a.example' }

describe('the environment', () => {
  it('counts an empty variable as unset: many clients write “no value” that way', () => {
    expect(givenBy({ A: 'a', B: '', C: undefined, D: ' ', E: '0' })).toEqual({ A: 'a', D: ' ', E: '0' })
  })
})

describe('settings', () => {
  it('have their defaults, which go through their form as well', () => {
    const config = readSettings(SETTINGS, GIVEN)
    expect(config).toEqual({ url: 'https://a.example', level: 'low', count: 5, note: undefined })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('are taken as they are given', () => {
    const given = { ...GIVEN, THE_LEVEL: 'high', THE_COUNT: '7', THE_NOTE: 'x', ANOTHER: 'y' }
    expect(readSettings(SETTINGS, given)).toEqual({ url: 'https://a.example', level: 'high', count: 7, note: 'x' })
  })

  it('are asked for if they are required and not given', () => {
    expect(problemsOf(SETTINGS, {})).toEqual(['THE_URL is required'])
  })

  it('with problems are all reported at once, in the order of their declaration', () => {
    const given = { THE_NOTE: 'x'.repeat(11), THE_COUNT: 'soon', THE_LEVEL: 'loud', THE_URL: 'nowhere' }
    expect(problemsOf(SETTINGS, given)).toEqual([
      'THE_URL Invalid URL',
      'THE_LEVEL must be one of: low, high',
      'THE_COUNT must be a number',
      'THE_NOTE must be at most 10',
    ])
    expect(problemsOf(SETTINGS, { ...GIVEN, THE_COUNT: '0' })).toEqual(['THE_COUNT must be at least 1'])
    expect(problemsOf(SETTINGS, { ...GIVEN, THE_COUNT: '10' })).toEqual(['THE_COUNT must be at most 9'])
  })

  it('with a value of the wrong type name the right one', () => {
    const settings = defineSettings({ flag: required('FLAG', 'a flag', z.boolean()) })
    expect(problemsOf(settings, { FLAG: 'yes' })).toEqual(['FLAG must be a boolean'])
  })

  it('with one problem twice report it once', () => {
    const twice = z
      .string()
      .refine(() => false, 'is wrong')
      .refine(() => false, 'is wrong')
    const rule = () => ['A and B do not go together', 'A is wrong']
    const settings = defineSettings({ a: required('A', 'a', twice) }, rule, rule)
    expect(problemsOf(settings, { A: 'x' })).toEqual(['A is wrong', 'A and B do not go together'])
  })

  it('are also checked by their rules, which see everything that is given', () => {
    const settings = defineSettings(SETTINGS.variables, given => [`seen: ${Object.keys(given).join()}`])
    expect(problemsOf(settings, { THE_URL: 'nowhere', OTHER: 'x' })).toEqual([
      'THE_URL Invalid URL',
      'seen: THE_URL,OTHER',
    ])
  })

  it.each(Object.values(SETTINGS.variables).map(({ name }) => name))(
    `${verifies('P5')} that hold a placeholder are reported by name, and the value is not repeated: %s`,
    name => {
      for (const value of [
        '${user_config.x}',
        '${VAR}',
        '$VAR',
        '%VAR%',
        '{env:X}',
        'https://${HOST}/v1',
        'https://$HOST/v1',
      ])
        expect(problemsOf(SETTINGS, { ...GIVEN, [name]: value }), value).toEqual([`${name} ${PLACEHOLDER_PROBLEM}`])
    },
  )

  it('may hold what only looks like a placeholder', () => {
    for (const value of ['pa$$word', '50%', '%20a%20', 'a$b'])
      expect(readSettings(SETTINGS, { ...GIVEN, THE_NOTE: value }).note).toBe(value)
  })
})

describe('variables that are of use only together', () => {
  it('are given all or none', () => {
    const rule = together('A', 'B', 'C')
    const problem = ['A, B and C go together: give all or none']
    expect(rule({})).toEqual([])
    expect(rule({ A: '1', B: '2', C: '3' })).toEqual([])
    for (const given of [
      { A: '1' },
      { B: '2' },
      { C: '3' },
      { A: '1', B: '2' },
      { B: '2', C: '3' },
      { A: '1', C: '3' },
    ])
      expect(rule(given)).toEqual(problem)
  })

  it('are given both or neither if there are two', () => {
    const rule = together('A', 'B')
    expect(rule({ A: '1', B: '2' })).toEqual([])
    expect(rule({ B: '2' })).toEqual(['A and B go together: give both or neither'])
  })
})
