import type { BackendCall } from '../../src/backend/attempt.ts'

/** A call as the backend room knows it. */
export function callOf(signal: AbortSignal = new AbortController().signal): BackendCall {
  return { signal, callId: 'call-1', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }
}
