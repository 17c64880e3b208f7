import { describeSettings, problemsWith } from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { ConfigError, FIELDS, readConfig, stateFolder } from './config.ts'

const read = (change: NodeJS.ProcessEnv = {}) => readConfig({ CRM_API_URL: 'https://crm.example/v1', ...change })

const problemsOf = problemsWith(read, ConfigError)

describeSettings({ prefix: 'CRM', server: 'crm-reader', problemsOf, stateFolder })

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
