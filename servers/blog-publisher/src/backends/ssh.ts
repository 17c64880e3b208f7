import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deployer } from '../backend.ts'
import { CodedError } from '../errors.ts'
import { plainEnd } from '../vocabulary.ts'

export interface SshTarget {
  readonly user: string
  readonly host: string
  readonly port: number
  /** A private key that the other side has locked to one command. */
  readonly keyFile: string
  readonly knownHostsFile: string
}

/** What is kept of the command's output: its end. */
const MAX_OUTPUT = 2000

/** OpenSSH's own failures, its connection and its authentication among them. */
const SSH_FAILED = 255

/** What OpenSSH logs once the other side let it in: from then on, the command may run. */
const LET_IN = /^Authenticated to /m

/**
 * Runs the one command that the key is locked to on the other side (`restrict,command="…"`). What is sent as a command
 * is a fixed word, which the other side ignores.
 *
 * @param timeoutMs for the whole run
 */
export function sshDeployer(target: SshTarget, timeoutMs: number): Deployer {
  const { user, host, port } = target
  return {
    target: `${user}@${host}:${port}`,
    async deploy(call) {
      const deadline = AbortSignal.timeout(timeoutMs)
      // What ssh says itself goes to a file of its own: the command can print the same words.
      const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
      const logFile = join(folder, 'ssh.log')
      let ended: Awaited<ReturnType<typeof run>>
      let log: string
      try {
        ended = await run(['-E', logFile, ...sshArguments(target)], AbortSignal.any([call.signal, deadline]))
        log = readLog(logFile)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
      const { code, output } = ended
      if (code === 0) return plainEnd(output, MAX_OUTPUT)
      if (code === SSH_FAILED && !LET_IN.test(log))
        throw new CodedError(
          'BACKEND_UNAVAILABLE',
          'The deploy host cannot be reached or refuses the key. Nothing was run. Tell the operator.',
        )
      if (code === null || code === SSH_FAILED)
        throw new CodedError(
          'OUTCOME_UNKNOWN',
          'The connection ended before the deploy command did: it may still be running. Look at the blog before you repeat it.',
        )
      throw new CodedError(
        'BACKEND_REFUSED',
        `The deploy command failed with status ${code}. Its log is on the deploy host.`,
      )
    },
  }
}

/** Nothing of the user's own ssh configuration applies, and nothing is ever asked. */
function sshArguments({ user, host, port, keyFile, knownHostsFile }: SshTarget): string[] {
  const options = {
    BatchMode: 'yes',
    CheckHostIP: 'no',
    ClearAllForwardings: 'yes',
    ConnectTimeout: '10',
    ForwardAgent: 'no',
    GlobalKnownHostsFile: '/dev/null',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    IdentityFile: quoted(keyFile),
    LogLevel: 'VERBOSE',
    PermitLocalCommand: 'no',
    PreferredAuthentications: 'publickey',
    RequestTTY: 'no',
    ServerAliveInterval: '15',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    UserKnownHostsFile: quoted(knownHostsFile),
  }
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  return ['-F', 'none', ...flags, '-p', String(port), '-l', user, '--', host, 'deploy']
}

/** ssh splits these options at spaces and expands `%` and `~` in them. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}

function run(args: string[], signal: AbortSignal): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // No shell, no input, and nothing of our environment, which holds secrets.
    const child = spawn('ssh', args, {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'ignore'],
      signal,
      killSignal: 'SIGKILL',
    })
    const output = lastOf(child.stdout)
    child.once('error', error => {
      if (signal.aborted) return resolve({ code: null, output: output() })
      const message = 'The ssh program cannot be run. Nothing was run. Tell the operator.'
      reject(new CodedError('BACKEND_UNAVAILABLE', message, { cause: error }))
    })
    child.once('close', code => resolve({ code, output: output() }))
  })
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The end of what a stream brings, however much that is. */
function lastOf(stream: NodeJS.ReadableStream): () => string {
  let kept = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-4 * MAX_OUTPUT)
  })
  return () => kept.toString('utf8')
}
