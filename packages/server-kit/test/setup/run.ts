import { onTestFinished, vi } from 'vitest'
import type { BackendConfig, Server } from '../../src/setup/server.ts'
import { start } from '../../src/setup/start.ts'

interface Ended {
  /** Undefined if it was not set. */
  readonly code: unknown
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of a server in this process, to its end. For commands that end by themselves. */
export async function run<Config extends BackendConfig, Ports>(
  server: Server<Config, Ports>,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Ended> {
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(stream =>
    vi.spyOn(process[stream], 'write').mockImplementation(chunk => {
      written[stream] += chunk
      return true
    }),
  )
  const restore = (): void => {
    for (const spy of spies) spy.mockRestore()
    process.exitCode = before
  }
  const before = process.exitCode
  onTestFinished(restore)
  process.exitCode = undefined
  try {
    await start(server, args, environment)
    return { code: process.exitCode, ...written }
  } finally {
    restore()
  }
}
