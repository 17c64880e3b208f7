import { describe, expect, it } from 'vitest'
import { tinyServer } from '../../test/setup/tiny-server.ts'
import { commonSettings, REMOTE_SETTINGS } from './common-variables.ts'
import { type Described, helpOf, type VariableRow, variablesOf } from './help.ts'
import type { Variable } from './variable.ts'
import { STATE_KEY, STORE_URL } from './writes/replica-state.ts'

/** Every variable that is declared for the tiny server. */
const DECLARED = [
  ...Object.values<Variable>(tinyServer.settings.variables),
  tinyServer.credential,
  ...Object.values<Variable>(commonSettings('tiny').variables),
  { name: 'AUDIT_KEY' },
  ...Object.values<Variable>(REMOTE_SETTINGS.variables),
  STATE_KEY,
  STORE_URL,
].map(({ name }) => name)

function rowsOf(server: Described): VariableRow[] {
  return Object.values(variablesOf(server)).flat()
}

/** A help text without its line breaks and columns. */
function textOf(server: Described): string {
  return helpOf(server).replace(/\s+/g, ' ')
}

describe('the list of variables', () => {
  it('has every declared variable once', () => {
    expect(DECLARED.length).toBeGreaterThan(15)
    expect(
      rowsOf(tinyServer)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...DECLARED].sort())
  })

  it('begins with the URL of the backend, the credential and what it must be allowed', () => {
    const [url, key, ...others] = variablesOf(tinyServer).own
    expect(url?.name).toBe('TINY_API_URL')
    expect(key).toEqual({
      name: 'TINY_API_KEY',
      about: 'the API key; it needs things:read, things:list and nothing else',
      unset: 'required',
    })
    expect(others.map(({ name }) => name)).toEqual(['TINY_BACKEND', 'TINY_API_TIMEOUT_MS', 'TINY_WORD', 'TINY_CONFIRM'])
  })

  it('says what holds while a variable is unset: that it is required, its default, or anything else', () => {
    const unset = Object.fromEntries(rowsOf(tinyServer).map(row => [row.name, row.unset]))
    expect(unset).toMatchObject({
      TINY_API_URL: 'required',
      TINY_API_KEY: 'required',
      TINY_BACKEND: 'default: rest',
      TINY_API_TIMEOUT_MS: 'default: 10000',
      TINY_WORD: 'there is no word',
      TINY_CONFIRM: 'default: required',
      LOG_LEVEL: 'default: info',
      MCP_STATE_KEY: 'required with MCP_STORE_URL',
      OAUTH_ISSUER: 'required, except on loopback',
    })
  })

  it('has no variables for replicas if the server only reads', () => {
    const { writes: _, ...reader } = tinyServer
    const names = rowsOf(reader).map(({ name }) => name)
    expect(names.sort()).toEqual(DECLARED.filter(name => ![STATE_KEY.name, STORE_URL.name].includes(name)).sort())
    expect(helpOf(reader)).not.toMatch(/MCP_STATE_KEY|MCP_STORE_URL/)
  })

  it('is the credential alone if the server has no settings', () => {
    expect(variablesOf({ ...tinyServer, settings: { variables: {} } }).own.map(({ name }) => name)).toEqual([
      'TINY_API_KEY',
    ])
  })
})

describe('the help', () => {
  it('begins with the server’s name, version and purpose', () => {
    expect(helpOf(tinyServer)).toMatch(/^tiny 1\.2\.3: an MCP server that answers\.\n/)
  })

  it('has every command and its defaults', () => {
    for (const line of [
      'tiny serve one MCP client',
      'tiny http serve remote clients',
      '--port N the port to listen at; 0 takes any free port (default: 8080)',
      '--host H the address to listen at (default: 127.0.0.1)',
      'tiny check report',
      'tiny --version',
      'tiny --help',
    ])
      expect(textOf(tinyServer)).toContain(line)
  })

  it('has every declared variable with what it is about and what holds while it is unset', () => {
    const text = textOf(tinyServer)
    for (const { name, about, unset } of rowsOf(tinyServer)) expect(text).toContain(`${name} ${about} (${unset})`)
    for (const name of DECLARED) expect(helpOf(tinyServer)).toMatch(new RegExp(`^ {2}${name} `, 'm'))
  })

  it('keeps a long name apart from its text', () => {
    const name = 'TINY_VARIABLE_WITH_A_VERY_LONG_NAME_INDEED'
    const long = { ...tinyServer, name: 'a-server-with-a-rather-long-name', credential: { name, about: 'the API key' } }
    expect(textOf(long)).toContain(`${name} the API key`)
    expect(textOf(long)).toContain('a-server-with-a-rather-long-name check report')
  })

  it('has no line that is too long for a terminal of 120 columns, and none that ends in blanks', () => {
    for (const line of helpOf(tinyServer).split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(120)
      expect(line).toBe(line.trimEnd())
    }
  })
})
