import type { CallLedger } from './call-ledger.ts'
import type { JsonRpc } from './json-rpc.ts'

/** What any MCP transport has, whichever library it is from: matched by shape, so that this library needs none. */
// biome-ignore lint/suspicious/noExplicitAny: a message type that every SDK's own is assignable to and from
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
 * Puts the ledger on both sides of a transport. A wrapper round a tool's handler would miss whatever is refused before
 * the handler; here every message passes, both ways.
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

/** Like {@link auditTransport}, for a transport whose messages were judged on arrival already: replies alone pass here. */
export function auditReplies<T extends WireTransport>(wire: T, ledger: CallLedger): T {
  return auditTransport(wire, { ...ledger, arrive: () => undefined })
}
