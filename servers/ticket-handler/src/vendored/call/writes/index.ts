/** Tools that write, and how a human confirms them. A server that only reads does not have this folder. */
import type { SharedNonceStore } from './redis-nonce-store.ts'

export { createConfirmations } from './confirmation.ts'
export { createNonceStore, type NonceStore } from './nonce-store.ts'
export type { SharedNonceStore } from './redis-nonce-store.ts'
export { defineWriteTool, type WriteTool } from './write-tool.ts'

/** Connects the nonce store that replicas share. The client library is loaded only here: a local server never needs it. */
export async function connectNonceStore(
  url: string,
  server: string,
  onFault: (fault: Error) => void,
): Promise<SharedNonceStore> {
  const { connectRedis } = await import('./redis-nonce-store.ts')
  return connectRedis(url, server, onFault)
}
