import type { BackendCall } from './attempt.ts'

/**
 * Gives work a deadline on all of it, retries and reading included, so that a slow drip of bytes ends too. There is one
 * timer, which is gone with the work: a signal composed of other signals costs several times as much.
 *
 * @param timeoutMs milliseconds for the whole work
 */
export async function within<Call extends BackendCall, T>(
  timeoutMs: number,
  call: Call,
  work: (call: Call) => Promise<T>,
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
