import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, givenBy, readSettings } from '#setup'
import { apiKey, deployOf, settings } from './config.ts'

let folder: string
let drafts: string

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'config-')))
  drafts = join(folder, 'drafts')
  mkdirSync(drafts)
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (change: NodeJS.ProcessEnv = {}) =>
  readSettings(settings, givenBy({ BLOG_API_URL: 'https://blog.example/v1', BLOG_DRAFTS_DIR: drafts, ...change }))

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
    const config = read()
    expect(config).toEqual({
      apiUrl: new URL('https://blog.example/v1'),
      backend: 'rest',
      apiTimeoutMs: 10_000,
      drafts: expect.objectContaining({ read: expect.any(Function) }),
      confirm: 'required',
      deployTarget: undefined,
      deployKeyFile: undefined,
      deployKnownHosts: undefined,
      deployTimeoutMs: 120_000,
    })
    expect(deployOf(config)).toBeUndefined()
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('count an empty variable as unset', () => {
    const empty = Object.fromEntries(names.map(name => [name, '']))
    const { BLOG_API_URL: _url, BLOG_DRAFTS_DIR: _drafts, ...optional } = empty
    expect({ ...read(optional), drafts: 0 }).toEqual({ ...read(), drafts: 0 })
    expect(problemsOf(empty)).toEqual(['BLOG_API_URL is required', 'BLOG_DRAFTS_DIR is required'])
  })

  it('are taken as they are given', () => {
    const config = read({
      BLOG_BACKEND: 'rest',
      BLOG_API_URL: 'http://127.0.0.1:8080/blog/v1/',
      BLOG_API_TIMEOUT_MS: '2500',
      BLOG_CONFIRM: 'description',
      BLOG_DEPLOY_SSH: 'deploy@www.example.org:2222',
      BLOG_DEPLOY_KEY_FILE: '/etc/blog/key',
      BLOG_DEPLOY_KNOWN_HOSTS: '/etc/blog/known hosts',
      BLOG_DEPLOY_TIMEOUT_MS: '5000',
    })
    expect(config).toMatchObject({
      apiUrl: new URL('http://127.0.0.1:8080/blog/v1/'),
      apiTimeoutMs: 2500,
      confirm: 'description',
    })
    expect(deployOf(config)).toEqual({
      user: 'deploy',
      host: 'www.example.org',
      port: 2222,
      keyFile: '/etc/blog/key',
      knownHostsFile: '/etc/blog/known hosts',
      timeoutMs: 5000,
    })
  })

  it('with problems are all reported at once', () => {
    expect(
      problemsOf({
        BLOG_API_URL: 'ftp://x',
        BLOG_DRAFTS_DIR: 'drafts',
        BLOG_CONFIRM: 'no',
        BLOG_API_TIMEOUT_MS: 'soon',
        BLOG_DEPLOY_SSH: 'nowhere',
      }),
    ).toEqual([
      'BLOG_API_URL must be an http or https URL',
      'BLOG_API_TIMEOUT_MS must be a number',
      'BLOG_DRAFTS_DIR the drafts folder must be an absolute path: drafts',
      'BLOG_CONFIRM must be one of: required, description',
      'BLOG_DEPLOY_SSH must be user@host:port',
      'BLOG_DEPLOY_SSH, BLOG_DEPLOY_KEY_FILE and BLOG_DEPLOY_KNOWN_HOSTS go together: give all or none',
    ])
  })

  it.each(names)(`${verifies('P5')} do not hold a placeholder: %s`, name => {
    for (const value of ['${user_config.x}', '${VAR}', '$VAR', '%VAR%', '{env:X}', 'https://${HOST}/v1'])
      expect(problemsOf({ [name]: value })[0], value).toMatch(new RegExp(`^${name} holds a placeholder`))
  })

  it('have a key beside them, under a name of their own', () => {
    expect(apiKey.name).toBe('BLOG_API_KEY')
    expect(names.filter(name => !name.startsWith('BLOG_') || name === apiKey.name)).toEqual([])
  })
})

describe('BLOG_BACKEND and BLOG_CONFIRM', () => {
  it.each([
    ['BLOG_BACKEND', 'ghost'],
    ['BLOG_BACKEND', 'REST'],
    ['BLOG_CONFIRM', 'none'],
    ['BLOG_CONFIRM', 'Required'],
    ['BLOG_CONFIRM', ' description'],
  ])(`${verifies('P12')} are of a closed set: %s is not %j`, (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(`^${name} must be one of: `)])
  })
})

describe('BLOG_DRAFTS_DIR', () => {
  it(`${verifies('P3')} is a folder that exists, by its absolute path, and that not everybody can write to`, () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(problemsOf({ BLOG_DRAFTS_DIR: './drafts' })).toEqual([expect.stringContaining('must be an absolute path')])
    expect(problemsOf({ BLOG_DRAFTS_DIR: join(folder, 'no') })).toEqual([expect.stringContaining('does not exist')])
    expect(problemsOf({ BLOG_DRAFTS_DIR: file })).toEqual([expect.stringContaining('is not a folder')])
    expect(problemsOf({ BLOG_DRAFTS_DIR: open })).toEqual([expect.stringContaining('writable by everybody')])
    symlinkSync(drafts, join(folder, 'link'))
    expect(problemsOf({ BLOG_DRAFTS_DIR: join(folder, 'link') })).toEqual([])
  })
})

describe('a number of milliseconds', () => {
  it.each([
    ['BLOG_DEPLOY_TIMEOUT_MS', '999', 'must be at least 1000'],
    ['BLOG_DEPLOY_TIMEOUT_MS', '3600001', 'must be at most 3600000'],
  ])(`${verifies('P16')} has bounds: %s is not %s`, (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name} ${problem}`])
  })
})

describe('BLOG_DEPLOY_SSH', () => {
  const deploy = { BLOG_DEPLOY_KEY_FILE: '/key', BLOG_DEPLOY_KNOWN_HOSTS: '/known' }

  it.each([
    ['deploy@www.example.org:22', 'deploy', 'www.example.org', 22],
    ['_d-1@10.0.0.1:65535', '_d-1', '10.0.0.1', 65_535],
    ['d@[::1]:2222', 'd', '::1', 2222],
    ['d@[fe80::1]:1', 'd', 'fe80::1', 1],
  ])('can be %s', (target, user, host, port) => {
    expect(deployOf(read({ ...deploy, BLOG_DEPLOY_SSH: target }))).toMatchObject({ user, host, port })
  })

  it.each([
    'deploy@host',
    'host:22',
    '@host:22',
    'deploy@:22',
    'deploy@host:0',
    'deploy@host:65536',
    'deploy@host:-1',
    'deploy@host:22 ',
    'deploy@host:22\n',
    ' deploy@host:22',
    'deploy@host:2 2',
    'Deploy@host:22',
    'deploy@host:22:22',
    'deploy@a@b:22',
    // What ssh would take for an option, or a shell for more than a word.
    '-oProxyCommand=evil@host:22',
    'deploy@-oProxyCommand=evil:22',
    'deploy@-p:22',
    '-l@host:22',
    'deploy@host;evil:22',
    'deploy@$(evil):22',
    'deploy@host%h:22',
    'deploy@ho st:22',
    'deploy@host/../x:22',
    'ssh://deploy@host:22',
    'deploy@[::1:22',
    'deploy@[evil]:22',
    'deploy@hôst:22',
    `${'d'.repeat(33)}@host:22`,
    `deploy@${'h'.repeat(254)}:22`,
  ])(`${verifies('P1')} cannot be %j`, target => {
    expect(problemsOf({ ...deploy, BLOG_DEPLOY_SSH: target })).toEqual(['BLOG_DEPLOY_SSH must be user@host:port'])
  })

  it('is given together with a key and known hosts, or not at all', () => {
    const all = { ...deploy, BLOG_DEPLOY_SSH: 'deploy@host:22' }
    expect(problemsOf(all)).toEqual([])
    for (const name of Object.keys(all))
      expect(problemsOf({ ...all, [name]: '' })).toEqual([expect.stringContaining('go together')])
    for (const [name, value] of Object.entries(all))
      expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining('go together')])
  })

  it.each(['BLOG_DEPLOY_KEY_FILE', 'BLOG_DEPLOY_KNOWN_HOSTS'])(
    `${verifies('P1')} has a path in %s that stays one option of ssh’s`,
    name => {
      const all = { ...deploy, BLOG_DEPLOY_SSH: 'deploy@host:22' }
      expect(problemsOf({ ...all, [name]: 'key' })).toEqual([`${name} must be an absolute path`])
      for (const path of ['/a" "/etc/shadow', '/a\nProxyCommand=evil', '/a\u0000b', '/a\u007f'])
        expect(problemsOf({ ...all, [name]: path })).toEqual([`${name} must not hold a quotation mark`])
      for (const path of ['/a b', '/a%h', '/~/a', "/a'b"]) expect(problemsOf({ ...all, [name]: path })).toEqual([])
    },
  )
})
