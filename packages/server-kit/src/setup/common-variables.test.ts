import { describe, expect, it } from 'vitest'
import { problemsOf } from '../../test/setup/problems.ts'
import { AUDIT_KEY, backendVariables, commonSettings, REMOTE_SETTINGS } from './common-variables.ts'
import { defineSettings, readSettings } from './settings.ts'

describe('the variables for a backend', () => {
  const settings = defineSettings(backendVariables('BLOG', 'blog', ['rest', 'ghost']))
  const problemsWith = (change: Record<string, string>) =>
    problemsOf(settings, { BLOG_API_URL: 'https://blog.example', ...change })

  it('are named after the backend, and have defaults, except for the URL', () => {
    expect(readSettings(settings, { BLOG_API_URL: 'https://blog.example/v1' })).toEqual({
      apiUrl: new URL('https://blog.example/v1'),
      backend: 'rest',
      apiTimeoutMs: 10_000,
    })
    expect(problemsOf(settings, {})).toEqual(['BLOG_API_URL is required'])
  })

  it('are taken as they are given', () => {
    const given = { BLOG_API_URL: 'http://[::1]:80/', BLOG_BACKEND: 'ghost', BLOG_API_TIMEOUT_MS: '2500' }
    expect(readSettings(settings, given)).toMatchObject({ backend: 'ghost', apiTimeoutMs: 2500 })
  })

  it('tell a person what they are about', () => {
    const { apiUrl, backend } = settings.variables
    expect(apiUrl.about).toBe('the base URL of the blog API: https, or http on loopback')
    expect(backend.about).toBe('the kind of backend: rest, ghost')
  })

  it.each([
    ['https://user:secret@backend.example', 'must not hold a credential'],
    ['https://:secret@backend.example', 'must not hold a credential'],
    ['https://backend.example?key=secret', 'must not have a query or a fragment'],
    ['http://secret.example', 'must be https: over http the credential could be read on the way'],
    ['secret', 'must be a URL'],
  ])(`${verifies('P5')} do not allow the URL %s, which is not repeated`, (url, problem) => {
    expect(problemsWith({ BLOG_API_URL: url })).toEqual([`BLOG_API_URL ${problem}`])
  })

  it.each(['ghosts', 'REST', ' rest'])('do not allow the backend %j', backend => {
    expect(problemsWith({ BLOG_BACKEND: backend })).toEqual(['BLOG_BACKEND must be one of: rest, ghost'])
  })

  it.each([
    ['99', 'must be at least 100'],
    ['600001', 'must be at most 600000'],
    ['-1', 'must be at least 100'],
    ['10s', 'must be a number'],
    ['NaN', 'must be a number'],
    ['1e400', 'must be a number'],
    ['Infinity', 'must be a number'],
    ['100.5', 'must be a whole number'],
  ])(`${verifies('P16')} do not allow a time of %s milliseconds`, (value, problem) => {
    expect(problemsWith({ BLOG_API_TIMEOUT_MS: value })).toEqual([`BLOG_API_TIMEOUT_MS ${problem}`])
  })

  it(`${verifies('P16')} allow a time from 100 milliseconds to ten minutes`, () => {
    for (const value of ['100', '600000']) expect(problemsWith({ BLOG_API_TIMEOUT_MS: value })).toEqual([])
  })
})

describe('the variables of every server', () => {
  const settings = commonSettings('tiny')
  const XDG_STATE_HOME = '/state'

  it('have defaults where there can be one', () => {
    expect(readSettings(settings, {})).toEqual({ auditFile: undefined, auditHeadFile: undefined, logLevel: 'info' })
  })

  it('are taken as they are given', () => {
    const given = { AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/b', LOG_LEVEL: 'debug' }
    expect(readSettings(settings, given)).toEqual({ auditFile: '/a', auditHeadFile: '/b', logLevel: 'debug' })
  })

  it('do not allow relative paths for the audit files', () => {
    expect(problemsOf(settings, { AUDIT_FILE: 'audit.jsonl', AUDIT_HEAD_FILE: 'head' })).toEqual([
      'AUDIT_FILE must be an absolute path',
      'AUDIT_HEAD_FILE must be an absolute path',
    ])
  })

  it(`${verifies('P10')} do not allow one file for the audit log and its head, however it is spelled`, () => {
    const problem = ['AUDIT_HEAD_FILE must not be the audit file itself']
    expect(problemsOf(settings, { AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/a' })).toEqual(problem)
    expect(problemsOf(settings, { AUDIT_FILE: '/a/b', AUDIT_HEAD_FILE: '/a/./c/../b' })).toEqual(problem)
    expect(problemsOf(settings, { AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/a.head' })).toEqual([])
    // The log is in the state folder unless it is told.
    const inStateFolder = '/state/narrow-deputies/tiny/audit.jsonl'
    expect(problemsOf(settings, { XDG_STATE_HOME, AUDIT_HEAD_FILE: inStateFolder })).toEqual(problem)
    expect(problemsOf(settings, { XDG_STATE_HOME, AUDIT_HEAD_FILE: `${inStateFolder}.head` })).toEqual([])
  })

  it('do not allow an unknown level of the log', () => {
    expect(problemsOf(settings, { LOG_LEVEL: 'loud' })).toEqual([
      'LOG_LEVEL must be one of: fatal, error, warn, info, debug, trace, silent',
    ])
  })

  it('have an audit key that is not required over stdio', () => {
    expect(AUDIT_KEY).toMatchObject({ name: 'AUDIT_KEY', unset: expect.stringContaining('over stdio') })
  })
})

describe('the variables for remote callers', () => {
  const OAUTH = { OAUTH_ISSUER: 'https://idp.example', MCP_PUBLIC_URL: 'https://mcp.example/mcp' }
  const NEEDS_OAUTH = 'names others than this machine: OAUTH_ISSUER and MCP_PUBLIC_URL are required then'

  it('can all be left out', () => {
    expect(readSettings(REMOTE_SETTINGS, {})).toEqual({
      publicUrl: undefined,
      issuer: undefined,
      audience: undefined,
      allowedHosts: undefined,
      allowedOrigins: undefined,
    })
  })

  it('are taken as they are given, the issuer letter by letter', () => {
    const given = {
      OAUTH_ISSUER: 'https://IDP.example:443/realm',
      MCP_PUBLIC_URL: 'https://mcp.example/mcp',
      OAUTH_AUDIENCE: 'urn:example:tiny',
      MCP_ALLOWED_HOSTS: 'mcp.example',
      MCP_ALLOWED_ORIGINS: 'https://app.example',
    }
    expect(readSettings(REMOTE_SETTINGS, given)).toEqual({
      issuer: 'https://IDP.example:443/realm',
      publicUrl: 'https://mcp.example/mcp',
      audience: 'urn:example:tiny',
      allowedHosts: ['mcp.example'],
      allowedOrigins: ['https://app.example'],
    })
  })

  it.each(['OAUTH_ISSUER', 'MCP_PUBLIC_URL'] as const)(
    `${verifies('P15')} do not allow %s without the other one`,
    name => {
      expect(problemsOf(REMOTE_SETTINGS, { [name]: OAUTH[name] })).toEqual([
        'OAUTH_ISSUER and MCP_PUBLIC_URL go together: give both or neither',
      ])
    },
  )

  it(`${verifies('P15')} do not allow other machines’ names without OAuth`, () => {
    for (const hosts of [
      'mcp.example',
      'localhost,mcp.example',
      '10.0.0.1',
      '0.0.0.0:80',
      '127.0.0.1.example',
      '[::2]:1',
    ])
      expect(problemsOf(REMOTE_SETTINGS, { MCP_ALLOWED_HOSTS: hosts }), hosts).toEqual([
        `MCP_ALLOWED_HOSTS ${NEEDS_OAUTH}`,
      ])
    for (const origins of [
      'https://app.example',
      'http://localhost,https://app.example',
      'http://localhost.example:80',
    ])
      expect(problemsOf(REMOTE_SETTINGS, { MCP_ALLOWED_ORIGINS: origins }), origins).toEqual([
        `MCP_ALLOWED_ORIGINS ${NEEDS_OAUTH}`,
      ])
    const others = { MCP_ALLOWED_HOSTS: 'mcp.example', MCP_ALLOWED_ORIGINS: 'https://app.example' }
    expect(problemsOf(REMOTE_SETTINGS, others)).toHaveLength(2)
    expect(problemsOf(REMOTE_SETTINGS, { ...OAUTH, ...others })).toEqual([])
  })

  it('allow this machine’s names without OAuth', () => {
    const local = {
      MCP_ALLOWED_HOSTS: 'localhost, 127.0.0.1:8080 ,[::1],[::1]:80',
      MCP_ALLOWED_ORIGINS: 'http://localhost:3000,https://[::1]:80, http://127.0.0.1',
    }
    expect(problemsOf(REMOTE_SETTINGS, local)).toEqual([])
  })

  it('do not allow an audience without OAuth, or one that is too long', () => {
    expect(problemsOf(REMOTE_SETTINGS, { OAUTH_AUDIENCE: 'x' })).toEqual([
      'OAUTH_AUDIENCE is of no use without OAUTH_ISSUER',
    ])
    expect(problemsOf(REMOTE_SETTINGS, { ...OAUTH, OAUTH_AUDIENCE: 'x'.repeat(2048) })).toEqual([])
    expect(problemsOf(REMOTE_SETTINGS, { ...OAUTH, OAUTH_AUDIENCE: 'x'.repeat(2049) })).toEqual([
      'OAUTH_AUDIENCE must be at most 2048',
    ])
  })

  it.each(['OAUTH_ISSUER', 'MCP_PUBLIC_URL'])(`${verifies('P5', 'P15')} do not allow an unsafe URL in %s`, name => {
    for (const url of [
      'idp.example',
      'http://idp.example',
      'https://user:secret@idp.example',
      'https://:secret@idp.example',
    ]) {
      const problems = problemsOf(REMOTE_SETTINGS, { ...OAUTH, [name]: url })
      expect(problems[0], url).toMatch(new RegExp(`^${name} must `))
      expect(problems.join()).not.toContain('secret')
    }
  })
})
