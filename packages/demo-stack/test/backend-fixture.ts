import { afterEach } from 'vitest'
import type { Backend, BackendOptions } from '../src/index.ts'
import { startBackend } from '../src/index.ts'

const running: Backend[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map(backend => backend.close()))
})

/** A backend of this one test, closed after it. */
export async function backendForTest(options?: BackendOptions): Promise<Backend> {
  const backend = await startBackend(options)
  running.push(backend)
  return backend
}
