import { onTestFinished, vi } from 'vitest'

/** Puts a function in the place of the global `fetch` for one test. It answers `{}` and sends nothing. */
export function captureFetch() {
  const calls: { url: URL; init: RequestInit }[] = []
  vi.stubGlobal('fetch', async (url: URL, init: RequestInit) => {
    calls.push({ url, init })
    return new Response('{}')
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  return calls
}
