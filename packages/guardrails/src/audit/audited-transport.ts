import type { CallLedger } from './call-ledger.ts'
import type { JsonRpc } from './json-rpc.ts'

/** What every MCP transport has. A structural type, so that this package does not depend on an MCP SDK. */
// biome-ignore lint/suspicious/noExplicitAny: the message types of every SDK must be assignable both ways
export interface WireTransport<Message = any, Extra = any, Options = any> {
  start(): Promise<void>
  send(message: Message, options?: Options): Promise<void>
  close(): Promise<void>
  onmessage?: ((message: Message, extra?: Extra) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  sessionId?: string | undefined
  setProtocolVersion?: ((version: string) => void) | undefined
  setSupportedProtocolVersions?: ((versions: string[]) => void) | undefined
}

/**
 * Wraps a transport so that the ledger sees every message in both directions. A wrapper around the handlers would miss
 * the calls that are refused before a handler runs.
 */
export function auditTransport<T extends WireTransport>(wire: T, ledger: CallLedger): T {
  const audited: WireTransport = {
    start: () => wire.start(),
    send: (message: JsonRpc, options) => wire.send(ledger.answer(message), options),
    close: () => wire.close(),
    get sessionId() {
      return wire.sessionId
    },
    setProtocolVersion: version => wire.setProtocolVersion?.(version),
    setSupportedProtocolVersions: versions => wire.setSupportedProtocolVersions?.(versions),
  }
  wire.onmessage = (message: JsonRpc, extra) => {
    const reply = ledger.arrive(message)
    if (reply === undefined) audited.onmessage?.(message, extra)
    else if (reply !== null) wire.send(reply).catch((error: Error) => audited.onerror?.(error))
  }
  wire.onclose = () => audited.onclose?.()
  wire.onerror = error => audited.onerror?.(error)
  return audited as T
}

/** Like {@link auditTransport}, but only for replies: inbound messages were already checked when they arrived. */
export function auditReplies<T extends WireTransport>(wire: T, ledger: CallLedger): T {
  return auditTransport(wire, { ...ledger, arrive: () => undefined })
}
