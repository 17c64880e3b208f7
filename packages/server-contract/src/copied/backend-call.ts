/** What a copy knows of one call: the `BackendCall` of every server. */
export interface BackendCall {
  readonly signal: AbortSignal
  readonly callId: string
  readonly callerId: string
  readonly traceparent: string
}

export function callOf(signal: AbortSignal = new AbortController().signal): BackendCall {
  return { signal, callId: 'call-1', callerId: 'os:1@desk', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }
}
