import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'

const PROGRAM = '/usr/bin/redis-server'

/** Whether a store can be started here. */
export const hasStore: boolean = existsSync(PROGRAM)

/** A Redis of a test's own, on loopback; what it keeps goes with it. */
export interface Store {
  readonly port: number
  /** Where a server finds it. */
  readonly url: string
  kill(): Promise<void>
  /** Starts it again where it was, empty. */
  restart(): Promise<void>
  /** From here on it takes connections and says nothing. */
  hang(): void
  wake(): void
}

/** Starts a store. @param options.port 0, the default, takes any free one @param options.password what clients must say */
export async function startStore({ port = 0, password = '' } = {}): Promise<Store> {
  const own = port || (await freePort())
  const secret = password ? ['--requirepass', password] : []
  const args = ['--port', String(own), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...secret]
  let child: ChildProcess | undefined
  const run = async (): Promise<void> => {
    const started = spawn(PROGRAM, args, { stdio: 'ignore' })
    child = started
    while (!(await answers(own))) {
      if (started.exitCode !== null) throw new Error(`${PROGRAM} ended`)
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
