import { describeSettings, problemsWith } from '@narrow-deputies/server-contract/copied'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig, stateFolder } from './config.ts'

const read = (change: NodeJS.ProcessEnv = {}) => readConfig({ TICKET_API_URL: 'https://tickets.example/v1', ...change })

const problemsOf = problemsWith(read, ConfigError)

describeSettings({ prefix: 'TICKET', server: 'ticket-handler', problemsOf, stateFolder })

describe('the settings', () => {
  it('have a default where one can be had', () => {
    const config = read()
    expect(config).toMatchObject({
      backend: 'rest',
      apiTimeoutMs: 10_000,
      confirm: 'description',
      auditFile: undefined,
      auditHeadFile: undefined,
      logLevel: 'info',
    })
    expect(config.apiUrl.href).toBe('https://tickets.example/v1')
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('take an empty variable for an unset one, as many clients write it', () => {
    const names = [
      'TICKET_BACKEND',
      'TICKET_API_TIMEOUT_MS',
      'TICKET_CONFIRM',
      'AUDIT_FILE',
      'AUDIT_HEAD_FILE',
      'LOG_LEVEL',
    ]
    const empty = Object.fromEntries(names.map(name => [name, '']))
    expect(read(empty)).toEqual(read())
    expect(problemsOf({ TICKET_API_URL: '' })).toEqual(['TICKET_API_URL is required'])
  })

  it('are taken as they are given', () => {
    const config = read({
      TICKET_BACKEND: 'rest',
      TICKET_API_URL: 'http://127.0.0.1:8080/tickets/v1/',
      TICKET_API_TIMEOUT_MS: '2500',
      TICKET_CONFIRM: 'required',
      AUDIT_FILE: '/var/log/blog.jsonl',
      AUDIT_HEAD_FILE: '/elsewhere/head',
      LOG_LEVEL: 'debug',
    })
    expect(config).toMatchObject({
      apiTimeoutMs: 2500,
      confirm: 'required',
      auditFile: '/var/log/blog.jsonl',
      auditHeadFile: '/elsewhere/head',
      logLevel: 'debug',
    })
  })

  it('report all that is wrong with them at once, and once', () => {
    expect(
      problemsOf({
        TICKET_API_URL: 'ftp://x',
        TICKET_CONFIRM: 'no',
        TICKET_API_TIMEOUT_MS: 'soon',
        LOG_LEVEL: 'loud',
        AUDIT_FILE: '/a',
        AUDIT_HEAD_FILE: '/a',
      }),
    ).toEqual([
      'TICKET_API_URL must be an http or https URL',
      'TICKET_API_TIMEOUT_MS must be a number',
      'TICKET_CONFIRM must be one of: description, required',
      'LOG_LEVEL must be one of: fatal, error, warn, info, debug, trace, silent',
      'AUDIT_HEAD_FILE must not be the audit file itself',
    ])
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
