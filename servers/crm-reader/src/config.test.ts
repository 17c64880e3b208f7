import { describe, expect, it } from 'vitest'
import { ConfigError, givenBy, readSettings } from '#setup'
import { apiKey, settings } from './config.ts'
import { FIELDS } from './vocabulary.ts'

const read = (change: NodeJS.ProcessEnv = {}) =>
  readSettings(settings, givenBy({ CRM_API_URL: 'https://crm.example/v1', ...change }))

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
      apiUrl: new URL('https://crm.example/v1'),
      backend: 'rest',
      apiTimeoutMs: 10_000,
      fields: ['id', 'name', 'company', 'email', 'plan', 'since'],
    })
    expect(Object.isFrozen(read())).toBe(true)
  })

  it('count an empty variable as unset', () => {
    const empty = { CRM_BACKEND: '', CRM_API_TIMEOUT_MS: '', CRM_FIELDS: '' }
    expect(read(empty)).toEqual(read())
    expect(problemsOf({ CRM_API_URL: '' })).toEqual(['CRM_API_URL is required'])
  })

  it('are taken as they are given', () => {
    const given = {
      CRM_BACKEND: 'rest',
      CRM_API_URL: 'http://127.0.0.1:8080/crm/v1/',
      CRM_API_TIMEOUT_MS: '2500',
      CRM_FIELDS: 'id,phone',
    }
    expect(read(given)).toEqual({
      apiUrl: new URL('http://127.0.0.1:8080/crm/v1/'),
      backend: 'rest',
      apiTimeoutMs: 2500,
      fields: ['id', 'phone'],
    })
  })

  it('with problems are all reported at once', () => {
    const given = { CRM_API_URL: 'ftp://x', CRM_FIELDS: 'id,notes', CRM_API_TIMEOUT_MS: 'soon' }
    expect(problemsOf(given)).toEqual([
      'CRM_API_URL must be an http or https URL',
      'CRM_API_TIMEOUT_MS must be a number',
      'CRM_FIELDS must be one of: id, name, company, email, phone, country, plan, since',
    ])
  })

  it.each(names)(`${verifies('P5')} do not hold a placeholder: %s`, name => {
    for (const value of ['${user_config.x}', '${VAR}', '$VAR', '%VAR%', '{env:X}', 'https://${HOST}/v1'])
      expect(problemsOf({ [name]: value }), value).toEqual([expect.stringMatching(`^${name} holds a placeholder`)])
  })

  it('have a key beside them, under a name of their own', () => {
    expect(apiKey.name).toBe('CRM_API_KEY')
    expect(names).toEqual(['CRM_API_URL', 'CRM_BACKEND', 'CRM_API_TIMEOUT_MS', 'CRM_FIELDS'])
  })
})

describe('CRM_BACKEND', () => {
  it.each(['hubspot', 'REST', ' rest'])('is of a closed set: not %j', value => {
    expect(problemsOf({ CRM_BACKEND: value })).toEqual(['CRM_BACKEND must be one of: rest'])
  })
})

describe('CRM_FIELDS', () => {
  it.each([
    ['id', ['id']],
    ['id,name', ['id', 'name']],
    ['name , id', ['name', 'id']],
    ['id,name,company,email,phone,country,plan,since', [...FIELDS]],
  ])('can be %j', (fields, expected) => {
    expect(read({ CRM_FIELDS: fields }).fields).toEqual(expected)
  })

  it.each(['name', 'name,company,email', 'phone'])(`${verifies('P1')} must have the id among them: not %j`, fields => {
    expect(problemsOf({ CRM_FIELDS: fields })).toEqual(['CRM_FIELDS must have id among them'])
  })

  it.each([
    'id,notes',
    'id,creditLimit',
    'id,birthDate',
    'id,*',
    'id,',
    ',id',
    'id name',
    'id;name',
    'ID',
    'id,__proto__',
    '*',
  ])(`${verifies('P1')} can only be of the known ones: not %j`, fields => {
    expect(problemsOf({ CRM_FIELDS: fields })).toEqual([
      'CRM_FIELDS must be one of: id, name, company, email, phone, country, plan, since',
    ])
  })
})
