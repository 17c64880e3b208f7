import { existsSync, readFileSync, statSync } from 'node:fs'
import { type Options, UsageError } from './command-line.ts'
import { type Manifest, readManifest } from './evidence/manifest.ts'
import { type Lock, LockError, readLock } from './lock/lock.ts'
import { isLoopback } from './probes/remote-request.ts'
import type { Neighbour } from './rules/rule.ts'
import type { Target } from './target.ts'

/** Options with the files and variables that they name read in. */
export interface Settings extends Omit<Options, 'manifest'> {
  readonly target: Target
  readonly lockFile: string
  /** Undefined if the file does not exist and was not given explicitly. */
  readonly locked: Lock | undefined
  readonly manifestFile: string | undefined
  readonly manifest: Manifest | undefined
  readonly neighbours: readonly Neighbour[]
  /** Timeout for one reply, in milliseconds. */
  readonly timeoutMs: number
  /** Timeout for the whole run, in milliseconds. */
  readonly deadlineMs: number
}

const LOCK_FILE = 'preship.lock.json'
const MANIFEST_FILE = 'preship.json'

/** Reads the files and variables that the options name. @throws {UsageError} */
export function resolveSettings(
  does: 'examine' | 'lock' | 'verify',
  options: Options,
  environment = process.env,
): Settings {
  const { lock: lockFile = LOCK_FILE, source } = options
  const manifestFile = options.manifest ?? (existsSync(MANIFEST_FILE) ? MANIFEST_FILE : undefined)
  const locked = lockIn(lockFile)
  // `lock` creates the file; the other commands need it.
  if (!locked && (does === 'verify' || (does === 'examine' && options.lock !== undefined)))
    throw new UsageError(`there is no lock file ${lockFile}: create it with preship lock`)
  // The audit log is not checked here: the examined server may create it.
  for (const [name, file] of Object.entries({ manifest: options.manifest, source }))
    if (file !== undefined && !existsSync(file)) throw new UsageError(`--${name}: ${file} does not exist`)
  const deadlineMs = options.timeoutSeconds * 1_000
  return {
    ...options,
    target: targetOf(options, environment),
    lockFile,
    locked,
    manifestFile,
    manifest: manifestFile === undefined || does !== 'examine' ? undefined : manifestIn(manifestFile),
    neighbours: options.beside.map(neighbourIn),
    timeoutMs: Math.max(500, Math.min(10_000, deadlineMs / 6)),
    deadlineMs,
  }
}

/** The script that a command runs: `dist/main.mjs` of `node dist/main.mjs`. */
export function scriptOf(target: Target): string | undefined {
  if (target.kind === 'url') return undefined
  return [...target.args, target.program].find(
    word => /\.\w+$/.test(word) && existsSync(word) && statSync(word).isFile(),
  )
}

function targetOf({ server, env, tokenFile, foreignTokenFile }: Options, environment: NodeJS.ProcessEnv): Target {
  if (server instanceof URL) {
    if (env.length > 0) throw new UsageError('--env applies only to a server that is started by a command')
    const token = tokenFile === undefined ? environment.PRESHIP_TOKEN || undefined : tokenIn(tokenFile)
    const foreignToken = foreignTokenFile === undefined ? undefined : tokenIn(foreignTokenFile)
    for (const each of [token, foreignToken].filter(given => given !== undefined)) {
      if (server.protocol !== 'https:' && !isLoopback(server.hostname))
        throw new UsageError('an access token is sent over https only; plain http is allowed on loopback')
      if (!/^[\x21-\x7e]+$/.test(each))
        throw new UsageError('the access token contains characters that a token cannot have')
    }
    return { kind: 'url', url: server, token, foreignToken }
  }
  if (tokenFile !== undefined || foreignTokenFile !== undefined)
    throw new UsageError('--token-file and --foreign-token-file apply only to a server with a URL')
  const [program, ...args] = server
  return { kind: 'stdio', program, args, env: Object.fromEntries(env.map(text => variableOf(text, environment))) }
}

function variableOf(text: string, environment: NodeJS.ProcessEnv): [string, string] {
  const [, name = '', value] = /^([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$/s.exec(text) ?? []
  // The message does not repeat the value: it may be a secret that was passed by mistake.
  if (name === '') throw new UsageError('--env must be NAME=VALUE or NAME')
  const passed = value ?? environment[name]
  if (passed === undefined) throw new UsageError(`--env ${name}: the variable is not set`)
  return [name, passed]
}

function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`cannot read the token file ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function lockIn(file: string): Lock | undefined {
  try {
    return readLock(file)
  } catch (error) {
    if (error instanceof LockError) throw new UsageError(error.message)
    throw error
  }
}

function manifestIn(file: string): Manifest {
  try {
    return readManifest(file)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function neighbourIn(file: string): Neighbour {
  const lock = lockIn(file)
  if (!lock) throw new UsageError(`--beside: ${file} does not exist`)
  return { server: lock.server, tools: [...lock.tools.keys()].map(name => ({ name, description: '' })) }
}
