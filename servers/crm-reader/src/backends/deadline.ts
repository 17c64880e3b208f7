// Copied on purpose: a fault here must stay here.
import type { BackendCall } from '../backend.ts'

/**
 * Does work under a deadline on all of it, retries and reading included: a drip of bytes ends there too. One timer, gone
 * with the work: a signal made of other signals costs several times as much.
 */
export async function within<T>(
  timeoutMs: number,
  call: BackendCall,
  work: (call: BackendCall) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const cancel = (): void => controller.abort(call.signal.reason)
  const expire = (): void => controller.abort(new DOMException('The deadline is over.', 'TimeoutError'))
  const timer = setTimeout(expire, timeoutMs)
  call.signal.addEventListener('abort', cancel)
  if (call.signal.aborted) cancel()
  try {
    return await work({ ...call, signal: controller.signal })
  } finally {
    clearTimeout(timer)
    call.signal.removeEventListener('abort', cancel)
  }
}
