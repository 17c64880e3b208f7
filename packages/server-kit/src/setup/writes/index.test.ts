import type { Logger } from 'pino'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SharedNonceStore } from '#call/writes'
import { ConfigError, type Given } from '../settings.ts'
import { confirmWrites } from './index.ts'
import { readReplicaState } from './replica-state.ts'

interface Config {
  readonly mustAsk: boolean
}

const MCP_STATE_KEY = 'ab'.repeat(32)
const MCP_STORE_URL = 'redis://127.0.0.1:6379'
const SHARED = { MCP_STATE_KEY, MCP_STORE_URL }
const ASKS = { mustAsk: true }
const ASKS_NOT = { mustAsk: false }

/** What was made: the store that replicas share, and what asks humans. */
const made = vi.hoisted(() => ({
  stores: [] as unknown[][],
  confirmations: [] as { nonces: unknown; key?: unknown }[],
}))
const store = vi.hoisted(() => ({ reached: 0, closed: 0 }))

const STORE: SharedNonceStore = {
  open: async () => {},
  claim: async () => true,
  async reach() {
    store.reached += 1
  },
  close() {
    store.closed += 1
  },
}

vi.mock('../../call/writes/index.ts', async importOriginal => {
  const actual = await importOriginal<typeof import('../../call/writes/index.ts')>()
  const connectNonceStore: typeof actual.connectNonceStore = async (...args) => {
    made.stores.push(args)
    return STORE
  }
  const createConfirmations: typeof actual.createConfirmations = options => {
    made.confirmations.push(options)
    return actual.createConfirmations(options)
  }
  return { ...actual, connectNonceStore, createConfirmations }
})

beforeEach(() => {
  made.stores.splice(0)
  made.confirmations.splice(0)
  Object.assign(store, { reached: 0, closed: 0 })
})

const writes = confirmWrites<Config>(({ mustAsk }) => mustAsk)

/** Connects what remote callers need. */
async function connect(config: Config, given: Given) {
  const said: unknown[][] = []
  const log = {
    warn: (...args: unknown[]) => said.push(['warn', ...args]),
    error: (...args: unknown[]) => said.push(['error', ...args]),
  } as unknown as Logger
  return { ...(await writes.remote('tiny', given)(config, log)), said }
}

describe('the confirmation of a local client’s calls', () => {
  it(`${verifies('P12')} asks the human and keeps the answers in memory, under a key of the process’s own`, () => {
    expect(writes.local(ASKS)?.of).toBeTypeOf('function')
    expect(made.confirmations).toHaveLength(1)
    expect(made.confirmations[0]?.key).toBeUndefined()
    expect(made.stores).toEqual([])
  })

  it(`${verifies('P12')} asks nobody if the operator leaves that to the tool’s description`, () => {
    expect(writes.local(ASKS_NOT)).toBeUndefined()
    expect(made.confirmations).toEqual([])
  })
})

describe('the confirmation of remote clients’ calls', () => {
  it('is configured by two variables', () => {
    expect(writes.remoteVariables.map(({ name }) => name)).toEqual(['MCP_STATE_KEY', 'MCP_STORE_URL'])
  })

  it('reports its problems before it connects to anything', () => {
    expect(() => writes.remote('tiny', { MCP_STORE_URL })).toThrow(ConfigError)
    writes.remote('tiny', SHARED)
    expect(made).toEqual({ stores: [], confirmations: [] })
  })

  it(`${verifies('P12')} keeps the answers in memory if there is no store`, async () => {
    const { confirmations, reach, close, said } = await connect(ASKS, {})
    expect(confirmations?.of).toBeTypeOf('function')
    expect(made.confirmations[0]?.key).toBeUndefined()
    expect(reach).toBeUndefined()
    expect(close).not.toThrow()
    expect(said).toEqual([])
    expect(made.stores).toEqual([])
  })

  it('keeps the answers in memory if there is a key without a store, and warns the operator', async () => {
    const { confirmations, said } = await connect(ASKS, { MCP_STATE_KEY })
    expect(confirmations).toBeDefined()
    expect(said).toEqual([
      ['warn', 'MCP_STATE_KEY without MCP_STORE_URL: an answer counts only in the process that asked'],
    ])
  })

  it(`${verifies('P12')} keeps the answers in the store, under the key that is derived for this server`, async () => {
    const { confirmations, reach, close } = await connect(ASKS, SHARED)
    expect(confirmations?.of).toBeTypeOf('function')
    expect(made.stores).toEqual([[MCP_STORE_URL, 'tiny', expect.any(Function)]])
    const { stateKey } = readReplicaState('tiny', SHARED)
    expect(stateKey).toHaveLength(32)
    expect(made.confirmations).toEqual([{ nonces: STORE, key: stateKey }])
    await reach?.()
    expect(store).toEqual({ reached: 1, closed: 0 })
    close()
    expect(store).toEqual({ reached: 1, closed: 1 })
  })

  it(`${verifies('P12')} asks nobody if the operator leaves that to the tool’s description, with a store or without`, async () => {
    expect((await connect(ASKS_NOT, {})).confirmations).toBeUndefined()
    expect((await connect(ASKS_NOT, { MCP_STATE_KEY })).confirmations).toBeUndefined()
    expect((await connect(ASKS_NOT, SHARED)).confirmations).toBeUndefined()
    expect(made.confirmations).toEqual([])
  })

  it(`${verifies('P5')} tells the operator of a lost connection by its message alone`, async () => {
    const { said } = await connect(ASKS, SHARED)
    const onFault = made.stores[0]?.[2] as (fault: Error) => void
    onFault(Object.assign(new Error('ECONNREFUSED'), { command: { args: ['a password'] } }))
    expect(said).toEqual([['error', { reason: 'ECONNREFUSED' }, 'store']])
  })
})
