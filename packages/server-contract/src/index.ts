export { AuditTrail } from './audit-trail.ts'
export {
  CLIENT_KINDS,
  type ClientKind,
  type Ended,
  endOf,
  openSession,
  type Person,
  type Session,
  type Start,
  startOnWire,
} from './client-session.ts'
export {
  type Answer,
  type CallResult,
  CLIENT_LINES,
  type ClientLine,
  type Connected,
  connect,
  type Human,
  type ListedTool,
  NO,
  YES,
} from './clients.ts'
export { describeServerContract } from './contract.ts'
export { FaultyProxy, type ForwardedRequest, type ProxyFault } from './faulty-proxy.ts'
export { questionOf } from './human.ts'
export { describeRemoteBriefly } from './remote/brief.ts'
export { describeRemoteContract } from './remote/contract.ts'
export { describeRemoteServing } from './remote/serving.ts'
export { type Era, errorCodeOf, type Message, RunningServer } from './running-server.ts'
export type { Field, Fresh, ServerSubject, ToolSubject } from './subject.ts'
