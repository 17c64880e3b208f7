import { type AuditLog, AuditUnavailableError } from './audit-log.ts'
import { type Call, denyOrReport, openCall, type ToolPolicy } from './call.ts'
import {
  asRecord,
  clientOf,
  errorReply,
  INVALID_REQUEST,
  isId,
  type JsonRpc,
  type RpcId,
  rejection,
} from './json-rpc.ts'
import type { Caller, Client } from './record.ts'
import { traceOf } from './trace.ts'

export interface LedgerOptions {
  readonly log: AuditLog
  /** Undefined for a name that is no tool's. */
  readonly policyOf: (tool: string) => ToolPolicy | undefined
  readonly caller: Caller
}

/** A message that a transport could not accept. */
export interface WireFault {
  /** What was parsed, if it was JSON at all. */
  readonly message?: unknown
  /** Told to the caller and recorded: a fixed text, nothing of the message. */
  readonly reason: string
}

/** The calls of one connection: every one that arrives is on record, however it ends. */
export interface CallLedger {
  /** Judges an inbound message: `undefined` to pass it on, else what to answer in its place (`null`: nothing). */
  arrive(message: JsonRpc): JsonRpc | null | undefined
  /** Records a message that the transport could not accept; what to answer, or `null`. */
  refuse(fault: WireFault): JsonRpc | null
  /** Judges an outbound message: a reply to a call that nobody recorded is recorded, and made a coded error. */
  answer(message: JsonRpc): JsonRpc
  /** The call that a request id belongs to, while it is open. */
  find(id: RpcId): Call | undefined
  /** Resolves to true once no call is open, to false after `ms` milliseconds. */
  idle(ms: number): Promise<boolean>
  /** Ends what is still open: its connection is gone and nobody serves it. */
  abandon(): void
}

export function createCallLedger({ log, policyOf, caller }: LedgerOptions): CallLedger {
  const open = new Map<RpcId, { call: Call; isTool: boolean }>()
  const waiting = new Set<() => void>()
  /** What `initialize` said; later protocol versions say it with each request. */
  let greeted: Client | undefined

  const begin = (params: unknown, onEnd: () => void): { call: Call; isTool: boolean } => {
    const fields = asRecord(params)
    const meta = asRecord(fields._meta)
    const client = clientOf(meta['io.modelcontextprotocol/clientInfo']) ?? greeted
    const policy = typeof fields.name === 'string' ? policyOf(fields.name) : undefined
    const context = { caller: { ...caller, ...(client && { client }) }, trace: traceOf(meta.traceparent) }
    return { call: openCall(log, policy, fields, context, onEnd), isTool: policy !== undefined }
  }

  /** Denies what never opens. */
  const deny = (params: unknown, id: unknown, reason: string): JsonRpc | null => {
    const { call } = begin(params, () => {})
    const error = denyOrReport(call, { code: 'INVALID_INPUT', message: reason })
    return isId(id) ? errorReply(id, INVALID_REQUEST, error, call.trace) : null
  }

  return {
    arrive(message) {
      if (message.method === 'initialize') greeted = clientOf(asRecord(message.params).clientInfo)
      if (message.method !== 'tools/call') return undefined
      const { id, params } = message
      if (!isId(id)) return deny(params, id, 'tools/call is a request: it needs an id')
      if (open.has(id)) return deny(params, id, 'a call with this id is still being served')
      const entry = begin(params, () => {
        open.delete(id)
        if (open.size === 0) for (const resolve of waiting) resolve()
      })
      open.set(id, entry)
      return undefined
    },

    refuse({ message, reason }) {
      const { method, id, params, result, error } = asRecord(message)
      if (method === 'tools/call') return deny(params, id, reason) ?? rejection(reason)
      // An answer, however malformed, is never answered: two programs could keep at it for ever.
      if (result !== undefined || error !== undefined) return null
      // What cannot be read may have been a call.
      if (typeof method !== 'string') return deny(undefined, undefined, reason) ?? rejection(reason)
      return isId(id) ? rejection(reason, id) : null
    },

    answer(message) {
      if (!isId(message.id) || message.method !== undefined) return message
      const entry = open.get(message.id)
      if (!entry) return message
      const { code } = asRecord(message.error)
      const reason = entry.isTool
        ? 'this is not a valid tools/call request'
        : 'there is no tool of this name; tools/list has those there are'
      const error = denyOrReport(entry.call, { code: 'INVALID_INPUT', message: reason })
      return errorReply(message.id, typeof code === 'number' ? code : INVALID_REQUEST, error, entry.call.trace)
    },

    find: id => open.get(id)?.call,

    idle(ms) {
      if (open.size === 0) return Promise.resolve(true)
      return new Promise(resolve => {
        const settle = (idle: boolean): void => {
          clearTimeout(timer)
          waiting.delete(onIdle)
          resolve(idle)
        }
        const onIdle = (): void => settle(true)
        const timer = setTimeout(settle, ms, false)
        waiting.add(onIdle)
      })
    },

    abandon() {
      for (const { call } of [...open.values()])
        try {
          call.abandoned()
        } catch (error) {
          // Kept by the log, to be written when it can be.
          if (!(error instanceof AuditUnavailableError)) throw error
        }
    },
  }
}
