import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, FIELDS, readConfig, stateFolder } from './config.ts'

const read = (change: NodeJS.ProcessEnv = {}) => readConfig({ CRM_API_URL: 'https://crm.example/v1', ...change })

/** Every problem, a line each. */
function problemsOf(change: NodeJS.ProcessEnv): string[] {
  try {
    read(change)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message.split('\n')
  }
  return []
}

describe('the settings', () => {
  it('have a default where one can be had', () => {
    const config = read()
    expect(config).toMatchObject({
      backend: 'rest',
      apiTimeoutMs: 10_000,
      fields: ['id', 'name', 'company', 'email', 'plan', 'since'],
      auditFile: undefined,
      auditHeadFile: undefined,
      logLevel: 'info',
    })
    expect(config.apiUrl.href).toBe('https://crm.example/v1')
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('take an empty variable for an unset one, as many clients write it', () => {
    const names = ['CRM_BACKEND', 'CRM_API_TIMEOUT_MS', 'CRM_FIELDS', 'AUDIT_FILE', 'AUDIT_HEAD_FILE', 'LOG_LEVEL']
    const empty = Object.fromEntries(names.map(name => [name, '']))
    expect(read(empty)).toEqual(read())
    expect(problemsOf({ CRM_API_URL: '' })).toEqual(['CRM_API_URL is required'])
  })

  it('are taken as they are given', () => {
    const config = read({
      CRM_BACKEND: 'rest',
      CRM_API_URL: 'http://127.0.0.1:8080/crm/v1/',
      CRM_API_TIMEOUT_MS: '2500',
      CRM_FIELDS: 'id,phone',
      AUDIT_FILE: '/var/log/blog.jsonl',
      AUDIT_HEAD_FILE: '/elsewhere/head',
      LOG_LEVEL: 'debug',
    })
    expect(config).toMatchObject({
      apiTimeoutMs: 2500,
      fields: ['id', 'phone'],
      auditFile: '/var/log/blog.jsonl',
      auditHeadFile: '/elsewhere/head',
      logLevel: 'debug',
    })
  })

  it('report all that is wrong with them at once, and once', () => {
    expect(
      problemsOf({
        CRM_API_URL: 'ftp://x',
        CRM_FIELDS: 'id,notes',
        CRM_API_TIMEOUT_MS: 'soon',
        LOG_LEVEL: 'loud',
        AUDIT_FILE: '/a',
        AUDIT_HEAD_FILE: '/a',
      }),
    ).toEqual([
      'CRM_API_URL must be an http or https URL',
      'CRM_API_TIMEOUT_MS must be a number',
      'CRM_FIELDS must be one of: id, name, company, email, phone, country, plan, since',
      'LOG_LEVEL must be one of: fatal, error, warn, info, debug, trace, silent',
      'AUDIT_HEAD_FILE must not be the audit file itself',
    ])
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
  ])(`${verifies('P1')} can be of the known ones only: not %j`, fields => {
    expect(problemsOf({ CRM_FIELDS: fields })).toEqual([
      'CRM_FIELDS must be one of: id, name, company, email, phone, country, plan, since',
    ])
  })
})

describe('CRM_API_URL', () => {
  it.each([
    'https://crm.example',
    'https://crm.example:8443/a/b/',
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://127.9.8.7:1/x',
    'http://[::1]:80/',
    'HTTPS://CRM.EXAMPLE',
  ])('can be %s', url => {
    expect(problemsOf({ CRM_API_URL: url })).toEqual([])
  })

  it.each([
    ['crm.example', 'must be a URL'],
    ['/v1', 'must be a URL'],
    ['ftp://crm.example', 'must be an http or https URL'],
    ['file:///etc/passwd', 'must be an http or https URL'],
    ['https://user:secret@crm.example', 'must not hold a credential'],
    ['https://user@crm.example', 'must not hold a credential'],
    ['https://crm.example?key=secret', 'must not have a query or a fragment'],
    ['https://crm.example/#x', 'must not have a query or a fragment'],
    ['http://crm.example', 'must be https: over http the credential could be read on the way'],
    ['http://localhost.evil.example', 'must be https: over http the credential could be read on the way'],
    ['http://127.0.0.1.evil.example', 'must be https: over http the credential could be read on the way'],
    ['http://10.0.0.1', 'must be https: over http the credential could be read on the way'],
    ['http://[::2]', 'must be https: over http the credential could be read on the way'],
  ])(`${verifies('P5')} cannot be %s, and is not repeated`, (url, problem) => {
    const problems = problemsOf({ CRM_API_URL: url })
    expect(problems).toEqual([`CRM_API_URL ${problem}`])
    expect(problems.join()).not.toContain('secret')
  })
})

describe('a number of milliseconds', () => {
  it.each([
    ['CRM_API_TIMEOUT_MS', '99', 'must be at least 100'],
    ['CRM_API_TIMEOUT_MS', '600001', 'must be at most 600000'],
    ['CRM_API_TIMEOUT_MS', '-1', 'must be at least 100'],
    ['CRM_API_TIMEOUT_MS', '10s', 'must be a number'],
    ['CRM_API_TIMEOUT_MS', 'NaN', 'must be a number'],
  ])(`${verifies('P16')} has bounds: %s is not %s`, (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name} ${problem}`])
  })

  it.each(['1e400', '100.5', 'Infinity'])('is a whole one, not %s', value => {
    expect(problemsOf({ CRM_API_TIMEOUT_MS: value })).toHaveLength(1)
  })
})

describe('the audit files', () => {
  it('have absolute paths, and are two', () => {
    expect(problemsOf({ AUDIT_FILE: 'audit.jsonl', AUDIT_HEAD_FILE: 'head' })).toEqual([
      'AUDIT_FILE must be an absolute path',
      'AUDIT_HEAD_FILE must be an absolute path',
    ])
    expect(problemsOf({ AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/b' })).toEqual([])
    expect(problemsOf({ AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/a' })).toHaveLength(1)
  })

  it('are kept in a folder of this server’s own unless told otherwise', () => {
    expect(stateFolder({ XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/crm-reader')
    if (process.platform !== 'win32')
      expect(stateFolder({})).toBe(join(homedir(), '.local/state/narrow-deputies/crm-reader'))
  })
})
