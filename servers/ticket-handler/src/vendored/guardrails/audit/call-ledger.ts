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
  /** Undefined for a name that is no tool's. */
  readonly policyOf: (tool: string) => ToolPolicy | undefined
  readonly caller: Caller
  /** Told of each call that was passed on, once it has ended. */
  readonly onEnd?: (id: RpcId) => void
}

/** What came beside a message. */
export interface Beside {
  /** For a message that claims no trace itself. */
  readonly traceparent?: unknown
  /** Where this one message came from, if that is not where the others come from. */
  readonly host?: string
}

/** A message that a transport could not accept. */
export interface WireFault {
  /** What was parsed, if it was JSON at all. */
  readonly message?: unknown
  /** Told to the caller and recorded: a fixed text, nothing of the message. */
  readonly reason: string
  /** `INVALID_INPUT` unless told. */
  readonly code?: string
  readonly beside?: Beside
}

/** The calls of one connection: every one that arrives is on record, however it ends. */
export interface CallLedger {
  /** Judges an inbound message: `undefined` to pass it on, else what to answer in its place (`null`: nothing). */
  arrive(message: JsonRpc, beside?: Beside): JsonRpc | null | undefined
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

export function createCallLedger({ log, policyOf, caller, onEnd }: LedgerOptions): CallLedger {
  const open = new Map<RpcId, { call: Call; isTool: boolean }>()
  const waiting = new Set<() => void>()
  /** What `initialize` said; later protocol versions say it with each request. */
  let greeted: Client | undefined

  const begin = (params: unknown, { traceparent, host }: Beside, whenEnded: () => void) => {
    const fields = asRecord(params)
    const meta = asRecord(fields._meta)
    const client = clientOf(meta['io.modelcontextprotocol/clientInfo']) ?? greeted
    const policy = typeof fields.name === 'string' ? policyOf(fields.name) : undefined
    const context = {
      caller: { ...caller, ...(host !== undefined && { host }), ...(client && { client }) },
      trace: traceOf(meta.traceparent ?? traceparent),
    }
    return { call: openCall(log, policy, fields, context, whenEnded), isTool: policy !== undefined }
  }

  /** Denies what never opens. */
  const deny = (params: unknown, id: unknown, fault: AuditError, beside: Beside): JsonRpc | null => {
    const { call } = begin(params, beside, () => {})
    const error = denyOrReport(call, fault)
    return isId(id) ? errorReply(id, INVALID_REQUEST, error, call.trace) : null
  }

  return {
    arrive(message, beside = {}) {
      const { method, id, params } = message
      if (method === 'initialize') greeted ??= clientOf(asRecord(params).clientInfo)
      const isTaken = typeof method === 'string' && isId(id) && open.has(id)
      // Its reply would be taken for the call's.
      if (method !== 'tools/call') return isTaken ? rejection(TAKEN, id) : undefined
      if (!isId(id))
        return deny(params, id, invalid('tools/call is a request: it needs an id, and a short one'), beside)
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
      // An answer, however malformed, is never answered: two programs could keep at it for ever.
      if (result !== undefined || error !== undefined) return null
      // What cannot be read may have been a call.
      if (typeof method !== 'string') return deny(undefined, undefined, fault, beside) ?? rejection(fault)
      return isId(id) ? rejection(fault, id) : null
    },

    answer(message) {
      if (!isId(message.id) || message.method !== undefined) return message
      const entry = open.get(message.id)
      // Once a call has begun, its handler tells how it ended: whatever else answers it must not say that it was denied.
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
          // Kept by the log, to be written when it can be.
          if (!(error instanceof AuditUnavailableError)) throw error
        }
    },
  }
}

/** Why a call got a reply that no handler gave. */
function reasonOf(code: unknown, isTool: boolean): AuditError {
  if (code === INTERNAL_ERROR) return { code: 'INTERNAL', message: 'the server failed before it served this call' }
  return invalid(
    isTool ? 'this is not a valid tools/call request' : 'there is no tool of this name; tools/list has those there are',
  )
}

const TAKEN = invalid('a call with this id is still being served')

function invalid(message: string): AuditError {
  return { code: 'INVALID_INPUT', message }
}
