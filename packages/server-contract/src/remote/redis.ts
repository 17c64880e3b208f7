import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const PROGRAM = '/usr/bin/redis-server'

/** Whether there is a real one on this machine. */
export const HAS_REDIS = existsSync(PROGRAM)

/** A real Redis on loopback, which keeps nothing on a disk: whoever restarts it has emptied it. */
export class Redis {
  readonly port: number
  #child: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
  }

  static async start(): Promise<Redis> {
    const redis = new Redis(await freePort())
    await redis.run()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again if it was started before. Resolves once it answers. */
  async run(): Promise<void> {
    const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp']
    this.#child = spawn(PROGRAM, ['--port', String(this.port), ...settings], { stdio: 'ignore' })
    while (!(await this.#answers())) await pause(10)
  }

  async #answers(): Promise<boolean> {
    if (this.#child?.exitCode !== null) throw new Error('redis-server ended')
    const socket = connect(this.port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.write('PING\r\n')
      const [reply] = (await once(socket, 'data')) as [Buffer]
      return reply.toString() === '+PONG\r\n'
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }

  /** It goes on taking connections and says nothing. */
  hang(): void {
    this.#child?.kill('SIGSTOP')
  }

  wake(): void {
    this.#child?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

/** A port that nobody listens at now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
