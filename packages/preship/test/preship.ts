import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const SOURCE = fileURLToPath(new URL('../src', import.meta.url))
const BUILT = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))
const MAIN = copyOfBuilt() ?? join(SOURCE, 'main.ts')
const MAX_OUTPUT = 1024 * 1024

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
  /** The peak memory use in MB; 0 where the system does not report it. */
  readonly peakMb: number
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Starts preship as a command. */
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
    if (stdout.length < MAX_OUTPUT) stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < MAX_OUTPUT) stderr += text
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

/** Finds the processes with this variable in their environment. Returns none where the system does not show it. */
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

function peakOf(pid: number | undefined): number {
  try {
    const [, kb = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kb) / 1024
  } catch {
    return 0
  }
}

/**
 * A copy of the built file, which starts much faster than the source files. Undefined if a source file is newer. It is a
 * copy, because a build that runs at the same time replaces the file.
 */
function copyOfBuilt(): string | undefined {
  const builtAt = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).map(name => join(SOURCE, name))
  const inputs = [...sources, fileURLToPath(new URL('../package.json', import.meta.url))]
  if (inputs.some(file => statSync(file).mtimeMs >= builtAt)) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'preship-built-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  copyFileSync(BUILT, join(folder, 'main.mjs'))
  return join(folder, 'main.mjs')
}
