import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'

const PROGRAM = '/usr/bin/redis-server'

/** Whether Redis is installed. */
export const hasStore: boolean = existsSync(PROGRAM)

/** A Redis process on 127.0.0.1 without persistence. */
export interface Store {
  readonly port: number
  /** Its URL, as in MCP_STORE_URL. */
  readonly url: string
  kill(): Promise<void>
  /** Starts it again on the same port, without data. */
  restart(): Promise<void>
  /** Suspends the process: it accepts connections and does not reply. */
  hang(): void
  wake(): void
}

/**
 * Starts a store.
 *
 * @param options.port the default, 0, is any free port
 * @param options.password the password that clients need, if any
 */
export async function startStore({ port = 0, password = '' } = {}): Promise<Store> {
  const own = port || (await freePort())
  const secret = password ? ['--requirepass', password] : []
  const args = ['--port', String(own), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...secret]
  let child: ChildProcess | undefined
  const run = async (): Promise<void> => {
    const started = spawn(PROGRAM, args, { stdio: 'ignore' })
    child = started
    while (!(await answers(own))) {
      if (started.exitCode !== null) throw new Error(`${PROGRAM} exited`)
    }
  }
  await run()
  return {
    port: own,
    url: `redis://${password ? `:${password}@` : ''}127.0.0.1:${own}`,
    async kill() {
      if (child?.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    restart: run,
    hang: () => void child?.kill('SIGSTOP'),
    wake: () => void child?.kill('SIGCONT'),
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const open = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  if (!open) await new Promise(resolve => setTimeout(resolve, 20))
  return open
}
