import { describe, expect, it } from 'vitest'
import { problemsIn } from '../../../test/setup/problems.ts'
import { fileWith } from '../../../test/setup/temp-folder.ts'
import { PLACEHOLDER_PROBLEM } from '../placeholder.ts'
import type { Given } from '../settings.ts'
import { readReplicaState } from './replica-state.ts'

const MCP_STATE_KEY = 'ab'.repeat(32)
const SECRET = 'hunter2-s3cr3t'

const problemsOf = (given: Given): string[] => problemsIn(() => readReplicaState('tiny', given))

describe('the state that replicas share', () => {
  it('is not there unless it is configured', () => {
    expect(readReplicaState('tiny', {})).toEqual({ stateKey: undefined, storeUrl: undefined })
  })

  it('is read from variables or from files', () => {
    const MCP_STORE_URL = `rediss://:${SECRET}@store.example:6380/1`
    const state = readReplicaState('tiny', { MCP_STATE_KEY, MCP_STORE_URL })
    expect(state.storeUrl).toBe(MCP_STORE_URL)
    const files = { MCP_STATE_KEY_FILE: fileWith(`${MCP_STATE_KEY}\n`), MCP_STORE_URL_FILE: fileWith(MCP_STORE_URL) }
    expect(readReplicaState('tiny', files)).toEqual(state)
  })

  it('can be a key without a store', () => {
    expect(readReplicaState('tiny', { MCP_STATE_KEY })).toMatchObject({ storeUrl: undefined })
    expect(readReplicaState('tiny', { MCP_STATE_KEY }).stateKey).toHaveLength(32)
  })
})

describe('the key', () => {
  it(`${verifies('P12')} is required with a store`, () => {
    expect(problemsOf({ MCP_STORE_URL: 'rediss://store.example' })).toEqual([
      'MCP_STATE_KEY is required with MCP_STORE_URL',
    ])
  })

  it(`${verifies('P12', 'P13')} is derived for each server: two servers with one key cannot open each other’s questions`, () => {
    const keyOf = (server: string, given: Given = { MCP_STATE_KEY }) => readReplicaState(server, given).stateKey
    const { MCP_STATE_KEY: other } = { MCP_STATE_KEY: 'cd'.repeat(32) }
    expect(keyOf('tiny')).toHaveLength(32)
    expect(keyOf('tiny')).toEqual(keyOf('tiny'))
    expect(keyOf('other')).not.toEqual(keyOf('tiny'))
    expect(keyOf('tiny', { MCP_STATE_KEY: other })).not.toEqual(keyOf('tiny'))
    expect(keyOf('tiny')).not.toEqual(Buffer.from(MCP_STATE_KEY, 'hex'))
    const base64 = Buffer.from(MCP_STATE_KEY, 'hex').toString('base64')
    expect(keyOf('tiny', { MCP_STATE_KEY: base64 })).toEqual(keyOf('tiny'))
  })

  it.each([
    ['too short', 'ab'.repeat(31)],
    ['not in hex or base64', `${SECRET}!`],
  ])(`${verifies('P5')} that is %s is refused in a message that does not repeat it`, (_, key) => {
    const problems = problemsOf({ MCP_STATE_KEY: key })
    expect(problems).toEqual([expect.stringMatching(/^MCP_STATE_KEY: a key /)])
    expect(problems.join()).not.toContain(key)
  })
})

describe('the store', () => {
  const storeProblemsOf = (url: string): string[] => problemsOf({ MCP_STATE_KEY, MCP_STORE_URL: url })

  it.each([
    'rediss://store.example',
    `rediss://:${SECRET}@store.example:6380/1`,
    'redis://127.0.0.1',
    'redis://127.0.0.1:6379/1',
    'redis://localhost:6379',
    'redis://[::1]:6379',
    `redis://:${SECRET}@127.0.0.1`,
  ])('can be at %s', url => {
    expect(storeProblemsOf(url)).toEqual([])
  })

  it.each([
    'redis://store.example',
    `redis://:${SECRET}@store.example`,
    'redis://10.0.0.1:6379',
    'redis://0.0.0.0',
    'redis://[::2]',
    'redis://127.0.0.1.example.com',
    'redis://localhost.example.com',
    `redis://127.0.0.1:${SECRET}@store.example`,
    'redis://store.example/127.0.0.1',
    'redis://store.example#@127.0.0.1',
    'redis:///var/run/redis.sock',
    'REDIS://store.example',
  ])(`${verifies('P12')} cannot be reached in plain text on another machine: %s`, url => {
    const problems = storeProblemsOf(url)
    expect(problems).toEqual([expect.stringMatching(/^MCP_STORE_URL must be rediss: /)])
    expect(problems.join()).not.toContain(SECRET)
  })

  it.each([
    'store',
    'https://store.example',
    'http://127.0.0.1:9',
    `https://:${SECRET}@store.example`,
    '127.0.0.1:6379',
    'redisss://store.example',
  ])(`${verifies('P5')} is a redis: or rediss: URL, not %s`, url => {
    expect(storeProblemsOf(url)).toEqual(['MCP_STORE_URL must be a redis: or rediss: URL'])
  })
})

describe('several problems', () => {
  it('are reported at once', () => {
    expect(problemsOf({ MCP_STATE_KEY: 'ab', MCP_STORE_URL: 'store' })).toEqual([
      'MCP_STORE_URL must be a redis: or rediss: URL',
      expect.stringMatching(/^MCP_STATE_KEY: /),
    ])
    expect(problemsOf({ MCP_STORE_URL: 'redis://store.example' })).toHaveLength(2)
  })

  it.each(['MCP_STATE_KEY', 'MCP_STATE_KEY_FILE', 'MCP_STORE_URL', 'MCP_STORE_URL_FILE'])(
    `${verifies('P5')} is reported by name if %s holds a placeholder`,
    name => {
      expect(problemsOf({ [name]: '${user_config.x}' })).toEqual([`${name} ${PLACEHOLDER_PROBLEM}`])
    },
  )
})
