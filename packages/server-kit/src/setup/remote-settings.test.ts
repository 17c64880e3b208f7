import { describe, expect, it } from 'vitest'
import { problemsIn } from '../../test/setup/problems.ts'
import { REMOTE_SETTINGS } from './common-variables.ts'
import { addressesOf, assertRemote, oauthOf } from './remote-settings.ts'
import { type Given, readSettings } from './settings.ts'

const OAUTH = { OAUTH_ISSUER: 'https://idp.example/realm', MCP_PUBLIC_URL: 'https://mcp.example:8443/mcp' }

const read = (given: Given) => readSettings(REMOTE_SETTINGS, given)

describe('OAuth', () => {
  it(`${verifies('P15')} is configured by the issuer and the public URL, which is the audience, too`, () => {
    expect(oauthOf(read(OAUTH))).toEqual({
      issuer: 'https://idp.example/realm',
      url: 'https://mcp.example:8443/mcp',
      audience: ['https://mcp.example:8443/mcp'],
    })
    expect(oauthOf(read({}))).toBeUndefined()
  })

  it(`${verifies('P15')} is not configured by half of it`, () => {
    const { publicUrl, issuer } = read(OAUTH)
    expect(oauthOf({ ...read({}), publicUrl })).toBeUndefined()
    expect(oauthOf({ ...read({}), issuer })).toBeUndefined()
  })

  it.each([
    ['https://mcp.example', ['https://mcp.example', 'https://mcp.example/']],
    ['https://mcp.example/', ['https://mcp.example/', 'https://mcp.example']],
    ['https://mcp.example:8443', ['https://mcp.example:8443', 'https://mcp.example:8443/']],
    ['https://mcp.example/mcp', ['https://mcp.example/mcp']],
    ['https://mcp.example/mcp/', ['https://mcp.example/mcp/']],
  ])(`${verifies('P15')} takes a public URL without a path in both spellings: %s`, (url, audience) => {
    expect(oauthOf(read({ ...OAUTH, MCP_PUBLIC_URL: url }))?.audience).toEqual(audience)
  })

  it.each([
    ['urn:example:tiny', ['urn:example:tiny']],
    ['tiny', ['tiny']],
    ['https://api.example', ['https://api.example', 'https://api.example/']],
  ])(`${verifies('P15')} has the audience that the operator sets in place of the public URL: %s`, (set, audience) => {
    const { publicUrl, ...others } = read({ ...OAUTH, OAUTH_AUDIENCE: set })
    expect(oauthOf({ publicUrl, ...others })).toMatchObject({ url: publicUrl, audience })
  })
})

describe('the addresses that are allowed', () => {
  const LOCAL = ['localhost', '127.0.0.1', '[::1]']
  const originsAt = (port: number, hosts: readonly string[]) => hosts.map(host => `http://${host}:${port}`)

  it(`${verifies('P15')} are this machine’s names if it listens there, and the public URL’s`, () => {
    expect(addressesOf(read({}), '127.0.0.1', 8080)).toEqual({ hosts: LOCAL, origins: originsAt(8080, LOCAL) })
    expect(addressesOf(read(OAUTH), '127.0.0.1', 8080)).toEqual({
      hosts: ['mcp.example:8443', ...LOCAL],
      origins: ['https://mcp.example:8443', ...originsAt(8080, LOCAL)],
    })
  })

  it(`${verifies('P15')} are the public URL’s alone if others can reach the server`, () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'mcp.example'])
      expect(addressesOf(read(OAUTH), host, 8080)).toEqual({
        hosts: ['mcp.example:8443'],
        origins: ['https://mcp.example:8443'],
      })
  })

  it(`${verifies('P15')} include the address that it listens at, once, as it is written in a URL`, () => {
    expect(addressesOf(read({}), '127.1.2.3', 1).hosts).toEqual([...LOCAL, '127.1.2.3'])
    expect(addressesOf(read({}), '127.1.2.3', 1).origins).toContain('http://127.1.2.3:1')
    expect(addressesOf(read({}), '::1', 1).hosts).toEqual(LOCAL)
    expect(addressesOf(read({}), 'localhost', 1).hosts).toEqual(LOCAL)
  })

  it(`${verifies('P15')} are those that the operator lists, and then no others`, () => {
    const listed = read({ ...OAUTH, MCP_ALLOWED_HOSTS: 'a.example', MCP_ALLOWED_ORIGINS: 'https://b.example' })
    expect(addressesOf(listed, '127.0.0.1', 1)).toEqual({ hosts: ['a.example'], origins: ['https://b.example'] })
    const onlyHosts = read({ ...OAUTH, MCP_ALLOWED_HOSTS: 'a.example' })
    expect(addressesOf(onlyHosts, '0.0.0.0', 1)).toEqual({
      hosts: ['a.example'],
      origins: ['https://mcp.example:8443'],
    })
  })

  it(`${verifies('P15')} do not include a public URL’s without an issuer`, () => {
    const { publicUrl } = read(OAUTH)
    expect(addressesOf({ ...read({}), publicUrl }, '0.0.0.0', 1)).toEqual({ hosts: [], origins: [] })
  })
})

describe('serving remote callers', () => {
  const AUDIT_FILE = '/audit.jsonl'

  it.each(['0.0.0.0', '::', '10.0.0.1', '::ffff:127.0.0.1', '127.0.0.1.example', 'localhost.example', '0'])(
    `${verifies('P15')} at %s, where others can call, requires OAuth`,
    host => {
      expect(problemsIn(() => assertRemote(host, { AUDIT_FILE }))).toEqual([
        `OAUTH_ISSUER and MCP_PUBLIC_URL are required to listen at ${host}, where others can call`,
      ])
      expect(problemsIn(() => assertRemote(host, { AUDIT_FILE, ...OAUTH }))).toEqual([])
    },
  )

  it.each(['127.0.0.1', '127.9.8.7', 'localhost', '::1'])('on this machine alone does not require OAuth: %s', host => {
    expect(problemsIn(() => assertRemote(host, { AUDIT_FILE }))).toEqual([])
  })

  it(`${verifies('P7')} requires a file for the audit log`, () => {
    expect(problemsIn(() => assertRemote('127.0.0.1', {}))).toEqual(['AUDIT_FILE is required to serve remote callers'])
    expect(problemsIn(() => assertRemote('0.0.0.0', {}))).toHaveLength(2)
  })
})
