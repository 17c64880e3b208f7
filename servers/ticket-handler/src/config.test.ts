import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig, stateFolder } from './config.ts'

const read = (change: NodeJS.ProcessEnv = {}) => readConfig({ TICKET_API_URL: 'https://tickets.example/v1', ...change })

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

describe('TICKET_API_URL', () => {
  it.each([
    'https://tickets.example',
    'https://tickets.example:8443/a/b/',
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://127.9.8.7:1/x',
    'http://[::1]:80/',
    'HTTPS://TICKETS.EXAMPLE',
  ])('can be %s', url => {
    expect(problemsOf({ TICKET_API_URL: url })).toEqual([])
  })

  it.each([
    ['tickets.example', 'must be a URL'],
    ['/v1', 'must be a URL'],
    ['ftp://tickets.example', 'must be an http or https URL'],
    ['file:///etc/passwd', 'must be an http or https URL'],
    ['https://user:secret@tickets.example', 'must not hold a credential'],
    ['https://user@tickets.example', 'must not hold a credential'],
    ['https://tickets.example?key=secret', 'must not have a query or a fragment'],
    ['https://tickets.example/#x', 'must not have a query or a fragment'],
    ['http://tickets.example', 'must be https: over http the credential could be read on the way'],
    ['http://localhost.evil.example', 'must be https: over http the credential could be read on the way'],
    ['http://127.0.0.1.evil.example', 'must be https: over http the credential could be read on the way'],
    ['http://10.0.0.1', 'must be https: over http the credential could be read on the way'],
    ['http://[::2]', 'must be https: over http the credential could be read on the way'],
  ])(`${verifies('P5')} cannot be %s, and is not repeated`, (url, problem) => {
    const problems = problemsOf({ TICKET_API_URL: url })
    expect(problems).toEqual([`TICKET_API_URL ${problem}`])
    expect(problems.join()).not.toContain('secret')
  })
})

describe('a number of milliseconds', () => {
  it.each([
    ['TICKET_API_TIMEOUT_MS', '99', 'must be at least 100'],
    ['TICKET_API_TIMEOUT_MS', '600001', 'must be at most 600000'],
    ['TICKET_API_TIMEOUT_MS', '-1', 'must be at least 100'],
    ['TICKET_API_TIMEOUT_MS', '10s', 'must be a number'],
    ['TICKET_API_TIMEOUT_MS', 'NaN', 'must be a number'],
  ])(`${verifies('P16')} has bounds: %s is not %s`, (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name} ${problem}`])
  })

  it.each(['1e400', '100.5', 'Infinity'])('is a whole one, not %s', value => {
    expect(problemsOf({ TICKET_API_TIMEOUT_MS: value })).toHaveLength(1)
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
    expect(stateFolder({ XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/ticket-handler')
    if (process.platform !== 'win32')
      expect(stateFolder({})).toBe(join(homedir(), '.local/state/narrow-deputies/ticket-handler'))
  })
})
