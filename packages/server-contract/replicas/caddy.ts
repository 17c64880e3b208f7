import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PROGRAM = '/usr/bin/caddy'
const CONFIGURATION = fileURLToPath(new URL('../../demo-stack/remote/Caddyfile', import.meta.url))

export const hasCaddy: boolean = existsSync(PROGRAM)

/** A running Caddy with the example configuration of packages/demo-stack. */
export interface Caddy {
  /** The root certificate of its own certificate authority, in PEM. */
  readonly authority: string
  readonly log: () => string
  stop(): Promise<void>
}

/**
 * Starts Caddy with the unchanged example configuration.
 *
 * @param port the port on 127.0.0.1 that it will listen at
 * @param settings the environment variables that the configuration reads
 */
export async function startCaddy(folder: string, port: number, settings: Record<string, string>): Promise<Caddy> {
  const state = join(folder, 'caddy')
  const child: ChildProcess = spawn(PROGRAM, ['run', '--adapter', 'caddyfile', '--config', CONFIGURATION], {
    env: { HOME: state, XDG_DATA_HOME: state, XDG_CONFIG_HOME: state, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-1_000_000)
  })
  const root = join(state, 'caddy', 'pki', 'authorities', 'local', 'root.crt')
  while (!(existsSync(root) && (await isListening(port)))) {
    if (child.exitCode !== null) throw new Error(`caddy exited:\n${log}`)
    await pause(50)
  }
  return {
    authority: readFileSync(root, 'utf8'),
    log: () => log,
    async stop() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
