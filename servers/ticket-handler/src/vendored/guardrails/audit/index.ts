export { type AuditLog, AuditUnavailableError, openAuditLog } from './audit-log.ts'
export { auditReplies, auditTransport, type WireTransport } from './audited-transport.ts'
export type { Call, ToolPolicy } from './call.ts'
export { type Beside, type CallLedger, createCallLedger, type WireFault } from './call-ledger.ts'
export { isId, type JsonRpc, type RpcId } from './json-rpc.ts'
export { type AuditKey, parseAuditKey, parseKeyBytes } from './key.ts'
export {
  type AuditError,
  type AuditRecord,
  type Caller,
  type Confirmation,
  type Effect,
  principalOf,
  type Trace,
} from './record.ts'
export type { FieldPolicy } from './redaction.ts'
export { formatTraceparent } from './trace.ts'
export { type Finding, type Verdict, verifyAudit } from './verify.ts'
