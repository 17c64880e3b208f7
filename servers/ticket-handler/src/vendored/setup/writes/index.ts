/** How a server that writes has humans confirm. A server that only reads does not have this folder. */
import { connectNonceStore, createConfirmations, createNonceStore } from '#call/writes'
import type { WriteSupport } from '../server.ts'
import { readReplicaState, STATE_KEY, STORE_URL } from './replica-state.ts'

/** @param mustAsk whether the operator wants the human asked by the client, rather than by the tool's description */
export function confirmWrites<Config>(mustAsk: (config: Config) => boolean): WriteSupport<Config> {
  const inMemory = () => createConfirmations({ nonces: createNonceStore() })
  return {
    remoteVariables: [STATE_KEY, STORE_URL],
    local: config => (mustAsk(config) ? inMemory() : undefined),
    remote(server, given) {
      const { stateKey: key, storeUrl } = readReplicaState(server, given)
      return async (config, log) => {
        if (storeUrl === undefined) {
          if (key) log.warn('MCP_STATE_KEY without MCP_STORE_URL: an answer counts only in the process that asked')
          return { confirmations: mustAsk(config) ? inMemory() : undefined, reach: undefined, close() {} }
        }
        const nonces = await connectNonceStore(storeUrl, server, fault => log.error({ reason: fault.message }, 'store'))
        const confirmations = mustAsk(config) ? createConfirmations({ nonces, key }) : undefined
        return { confirmations, reach: () => nonces.reach(), close: () => nonces.close() }
      }
    },
  }
}
