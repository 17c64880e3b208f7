import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const PROGRAM = '/usr/bin/redis-server'

/** Whether a Redis can be started here. */
export const hasRedis: boolean = existsSync(PROGRAM)

/** A Redis of a test's own, on loopback, which writes nothing to the disk. */
export interface RedisProcess {
  readonly port: number
  /** Where a client finds it. */
  readonly url: string
  kill(): Promise<void>
  /** From here on it takes connections and answers nothing. */
  hang(): void
}

/** Starts a Redis. @param options.port 0, the default, takes any free one @param options.password what clients must say */
export async function startRedis({ port = 0, password = '' } = {}): Promise<RedisProcess> {
  const own = port || (await freePort())
  const secret = password ? ['--requirepass', password] : []
  const args = ['--port', String(own), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...secret]
  const child = spawn(PROGRAM, args, { stdio: 'ignore' })
  while (!(await answers(own))) if (hasEnded(child)) throw new Error(`${PROGRAM} ended`)
  return {
    port: own,
    url: `redis://${password ? `:${password}@` : ''}127.0.0.1:${own}`,
    async kill() {
      if (hasEnded(child)) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    hang: () => void child.kill('SIGSTOP'),
  }
}

/** A connection to a server on loopback that can lose replies. */
export interface LossyPath {
  readonly port: number
  /** From here on requests still pass. The first reply ends its connection, and so is lost. */
  loseNextReply(): void
  close(): void
}

export async function startLossyPath(target: number): Promise<LossyPath> {
  let isLosing = false
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.pipe(upstream)
    upstream.on('data', chunk => {
      if (!isLosing) return void client.write(chunk)
      isLosing = false
      upstream.destroy()
      client.destroy()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: portOf(server),
    loseNextReply() {
      isLosing = true
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const port = portOf(probe)
  await new Promise(resolve => probe.close(resolve))
  return port
}

function portOf(server: ReturnType<typeof createServer>): number {
  return (server.address() as AddressInfo).port
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  if (!isOpen) await new Promise(resolve => setTimeout(resolve, 20))
  return isOpen
}
