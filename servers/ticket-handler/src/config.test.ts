import { describe, expect, it } from 'vitest'
import { ConfigError, givenBy, readSettings } from '#setup'
import { apiKey, settings } from './config.ts'

const read = (change: NodeJS.ProcessEnv = {}) =>
  readSettings(settings, givenBy({ TICKET_API_URL: 'https://tickets.example/v1', ...change }))

/** Every problem with the settings, a line each. */
function problemsOf(change: NodeJS.ProcessEnv): string[] {
  try {
    read(change)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message.split('\n')
  }
  return []
}

const names = Object.values(settings.variables).map(({ name }) => name)

describe('the settings', () => {
  it('have defaults where there can be one', () => {
    expect(read()).toEqual({
      apiUrl: new URL('https://tickets.example/v1'),
      backend: 'rest',
      apiTimeoutMs: 10_000,
      confirm: 'description',
    })
    expect(Object.isFrozen(read())).toBe(true)
  })

  it('count an empty variable as unset', () => {
    const empty = { TICKET_BACKEND: '', TICKET_API_TIMEOUT_MS: '', TICKET_CONFIRM: '' }
    expect(read(empty)).toEqual(read())
    expect(problemsOf({ TICKET_API_URL: '' })).toEqual(['TICKET_API_URL is required'])
  })

  it('are taken as they are given', () => {
    const given = {
      TICKET_BACKEND: 'rest',
      TICKET_API_URL: 'http://127.0.0.1:8080/tickets/v1/',
      TICKET_API_TIMEOUT_MS: '2500',
      TICKET_CONFIRM: 'required',
    }
    expect(read(given)).toEqual({
      apiUrl: new URL('http://127.0.0.1:8080/tickets/v1/'),
      backend: 'rest',
      apiTimeoutMs: 2500,
      confirm: 'required',
    })
  })

  it('with problems are all reported at once', () => {
    const given = { TICKET_API_URL: 'ftp://x', TICKET_CONFIRM: 'no', TICKET_API_TIMEOUT_MS: 'soon' }
    expect(problemsOf(given)).toEqual([
      'TICKET_API_URL must be an http or https URL',
      'TICKET_API_TIMEOUT_MS must be a number',
      'TICKET_CONFIRM must be one of: description, required',
    ])
  })

  it.each(names)(`${verifies('P5')} do not hold a placeholder: %s`, name => {
    for (const value of ['${user_config.x}', '${VAR}', '$VAR', '%VAR%', '{env:X}', 'https://${HOST}/v1'])
      expect(problemsOf({ [name]: value }), value).toEqual([expect.stringMatching(`^${name} holds a placeholder`)])
  })

  it('have a key beside them, under a name of their own', () => {
    expect(apiKey.name).toBe('TICKET_API_KEY')
    expect(names).toEqual(['TICKET_API_URL', 'TICKET_BACKEND', 'TICKET_API_TIMEOUT_MS', 'TICKET_CONFIRM'])
  })
})

describe('TICKET_BACKEND and TICKET_CONFIRM', () => {
  it.each([
    ['TICKET_BACKEND', 'ghost'],
    ['TICKET_BACKEND', 'REST'],
    ['TICKET_CONFIRM', 'none'],
    ['TICKET_CONFIRM', 'Required'],
    ['TICKET_CONFIRM', ' description'],
  ])(`${verifies('P12')} are of a closed set: %s is not %j`, (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(`^${name} must be one of: `)])
  })
})
