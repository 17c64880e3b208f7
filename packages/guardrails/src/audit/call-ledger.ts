import { type AuditLog, AuditUnavailableError } from './audit-log.ts'
import { type Call, denyOrReport, openCall, type ToolPolicy } from './call.ts'
import {
  asRecord,
  clientOf,
  errorReply,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  isId,
  type JsonRpc,
  type RpcId,
  rejection,
} from './json-rpc.ts'
import type { AuditError, Caller, Client } from './record.ts'
import { traceOf } from './trace.ts'

export interface LedgerOptions {
  readonly log: AuditLog
  /** Undefined if there is no tool of this name. */
  readonly policyOf: (tool: string) => ToolPolicy | undefined
  readonly caller: Caller
  /** Called when a call that was passed on has ended. */
  readonly onEnd?: (id: RpcId) => void
}

/** What a transport knows about a message besides its text. */
export interface Beside {
  /** Used if the message claims no trace itself. */
  readonly traceparent?: unknown
  /** The address that this message came from, if it differs from the address of the connection. */
  readonly host?: string
}

/** A message that the transport does not accept. */
export interface WireFault {
  /** The parsed message, if it is JSON. */
  readonly message?: unknown
  /** Sent to the caller and recorded. A fixed text that contains nothing of the message. */
  readonly reason: string
  /** `INVALID_INPUT` by default. */
  readonly code?: string
  readonly beside?: Beside
}

/** The calls of one connection. Each call that arrives is recorded, however it ends. */
export interface CallLedger {
  /** Checks an inbound message. Returns undefined to pass it on, or else the reply to send (null for none). */
  arrive(message: JsonRpc, beside?: Beside): JsonRpc | null | undefined
  /** Records a message that the transport does not accept. Returns the reply to send, or null for none. */
  refuse(fault: WireFault): JsonRpc | null
  /** Checks an outbound message. A reply to a call without a terminal record is recorded, and made a coded error. */
  answer(message: JsonRpc): JsonRpc
  /** The open call with this request id. */
  find(id: RpcId): Call | undefined
  /** Resolves to true when no call is open, or to false after `ms` milliseconds. */
  idle(ms: number): Promise<boolean>
  /** Ends the calls that are still open, because the connection is gone. */
  abandon(): void
}

export function createCallLedger({ log, policyOf, caller, onEnd }: LedgerOptions): CallLedger {
  const open = new Map<RpcId, { call: Call; isTool: boolean }>()
  const waiting = new Set<() => void>()
  /** The client that `initialize` named. In later protocol versions, each request names it. */
  let initializedBy: Client | undefined

  const begin = (params: unknown, { traceparent, host }: Beside, whenEnded: () => void) => {
    const fields = asRecord(params)
    const meta = asRecord(fields._meta)
    const client = clientOf(meta['io.modelcontextprotocol/clientInfo']) ?? initializedBy
    const policy = typeof fields.name === 'string' ? policyOf(fields.name) : undefined
    const context = {
      caller: { ...caller, ...(host !== undefined && { host }), ...(client && { client }) },
      trace: traceOf(meta.traceparent ?? traceparent),
    }
    return { call: openCall(log, policy, fields, context, whenEnded), isTool: policy !== undefined }
  }

  /** Records and denies a call that is not passed on. */
  const deny = (params: unknown, id: unknown, fault: AuditError, beside: Beside): JsonRpc | null => {
    const { call } = begin(params, beside, () => {})
    const error = denyOrReport(call, fault)
    return isId(id) ? errorReply(id, INVALID_REQUEST, error, call.trace) : null
  }

  return {
    arrive(message, beside = {}) {
      const { method, id, params } = message
      if (method === 'initialize') initializedBy ??= clientOf(asRecord(params).clientInfo)
      const isTaken = typeof method === 'string' && isId(id) && open.has(id)
      // The reply to this request would be taken for the reply to the call.
      if (method !== 'tools/call') return isTaken ? rejection(TAKEN, id) : undefined
      if (!isId(id))
        return deny(
          params,
          id,
          invalid('tools/call needs an id: an integer, or a string of at most 256 characters'),
          beside,
        )
      if (isTaken) return deny(params, id, TAKEN, beside)
      const entry = begin(params, beside, () => {
        open.delete(id)
        if (open.size === 0) for (const resolve of waiting) resolve()
        onEnd?.(id)
      })
      open.set(id, entry)
      return undefined
    },

    refuse({ message, reason, code, beside = {} }) {
      const { method, id, params, result, error } = asRecord(message)
      const fault = code === undefined ? invalid(reason) : { code, message: reason }
      if (method === 'tools/call') return deny(params, id, fault, beside) ?? rejection(fault)
      // A malformed response gets no reply: otherwise two programs could answer each other forever.
      if (result !== undefined || error !== undefined) return null
      // A message that cannot be read may have been a call.
      if (typeof method !== 'string') return deny(undefined, undefined, fault, beside) ?? rejection(fault)
      return isId(id) ? rejection(fault, id) : null
    },

    answer(message) {
      if (!isId(message.id) || message.method !== undefined) return message
      const entry = open.get(message.id)
      // Once the handler may run, only it reports how the call ended. Recording a denial here would be false.
      if (!entry || entry.call.begun) return message
      const { code, data } = asRecord(message.error)
      const error = denyOrReport(entry.call, reasonOf(code, entry.isTool))
      return errorReply(message.id, typeof code === 'number' ? code : INVALID_REQUEST, error, entry.call.trace, data)
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
          // The log keeps the record and writes it when it can.
          if (!(error instanceof AuditUnavailableError)) throw error
        }
    },
  }
}

/** The reason for a reply that does not come from a handler. */
function reasonOf(code: unknown, isTool: boolean): AuditError {
  if (code === INTERNAL_ERROR) return { code: 'INTERNAL', message: 'the server failed before it served this call' }
  return invalid(
    isTool ? 'this is not a valid tools/call request' : 'there is no tool of this name; tools/list returns all tools',
  )
}

const TAKEN = invalid('a call with this id is still being served')

function invalid(message: string): AuditError {
  return { code: 'INVALID_INPUT', message }
}
