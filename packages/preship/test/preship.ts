import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const MOST_OUTPUT = 1024 * 1024

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
  /** The most memory that it held at any time, in MB; 0 where the system does not say. */
  readonly peakMb: number
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Starts preship as its users do. */
export function startPreship(args: readonly string[], env: Record<string, string> = {}, cwd?: string): Started {
  const startedAt = performance.now()
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH, HOME, NODE_NO_WARNINGS: '1', ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let peakMb = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < MOST_OUTPUT) stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < MOST_OUTPUT) stderr += text
  })
  const poll = setInterval(() => {
    peakMb = Math.max(peakMb, peakOf(child.pid))
  }, 50)
  const ended = once(child, 'close').then(([code]) => {
    clearInterval(poll)
    return { code: code as number | null, stdout, stderr, ms: performance.now() - startedAt, peakMb }
  })
  return { child, ended }
}

export async function preship(args: readonly string[], env: Record<string, string> = {}, cwd?: string): Promise<Ended> {
  return await startPreship(args, env, cwd).ended
}

function peakOf(pid: number | undefined): number {
  try {
    const [, kb = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kb) / 1024
  } catch {
    return 0
  }
}

/** Processes that run with a variable of this value in their environment; none where the system does not say. */
export function processesWith(name: string, value: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${name}=${value}`)
      } catch {
        return false
      }
    })
}
