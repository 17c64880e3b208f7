import { afterEach } from 'vitest'
// Not from index.ts, which would also load the identity provider.
import { type Backend, type BackendOptions, startBackend } from '../src/backend.ts'

const running: Backend[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map(backend => backend.close()))
})

/** Starts a backend that is closed after the test. */
export async function backendForTest(options?: BackendOptions): Promise<Backend> {
  const backend = await startBackend(options)
  running.push(backend)
  return backend
}
