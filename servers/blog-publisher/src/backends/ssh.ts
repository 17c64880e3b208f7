import { spawn } from 'node:child_process'
import { CodedError, plainEnd } from '#call'
import type { Deployer } from '../ports.ts'

export interface SshTarget {
  readonly user: string
  readonly host: string
  readonly port: number
  /** A private key that the deploy host has locked to one command. */
  readonly keyFile: string
  readonly knownHostsFile: string
}

/** UTF-16 units of the command’s output that are kept, from its end. */
const MAX_OUTPUT = 2000

/** The exit status of ssh if ssh itself failed, for instance to connect or to authenticate. */
const SSH_FAILED = 255

/**
 * ssh logs this once the host has accepted the key. From then on, the command may run. Before that, the host can only
 * send a banner. A banner with these words makes a deploy that never began one of unknown outcome, which is the safe
 * mistake.
 */
const LET_IN = 'Authenticated to '

/**
 * Runs the one command that the host has locked the key to (`restrict,command="…"`). The command that is sent is a fixed
 * word, which the host ignores.
 *
 * @param timeoutMs milliseconds for the whole run
 */
export function sshDeployer(target: SshTarget, timeoutMs: number): Deployer {
  const { user, host, port } = target
  return {
    target: `${user}@${host}:${port}`,
    async deploy(call) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const { code, output, letIn } = await run(sshArguments(target), AbortSignal.any([call.signal, deadline]))
      if (code === 0) return plainEnd(output, MAX_OUTPUT)
      if (code === SSH_FAILED && !letIn)
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

/** Ignores the user’s ssh configuration, and never prompts. */
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

/** ssh splits the value at spaces, and expands `%` in it. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}

interface Ended {
  /** Null if the process was killed. */
  readonly code: number | null
  readonly output: string
  readonly letIn: boolean
}

function run(args: string[], signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // No shell, no input, and none of this process’s environment, which holds secrets.
    const child = spawn('ssh', args, {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    })
    const output = lastOf(child.stdout)
    const letIn = whether(child.stderr, LET_IN)
    const ended = (code: number | null): Ended => ({ code, output: output(), letIn: letIn() })
    let exitCode: number | null = null
    child.once('exit', code => {
      exitCode = code
    })
    // A process that ssh started can hold its output open. The deadline is the call's, whatever is still open.
    const abandon = (): void => {
      child.stdout.destroy()
      child.stderr.destroy()
      resolve(ended(exitCode))
    }
    signal.addEventListener('abort', abandon)
    child.once('error', error => {
      if (signal.aborted) return abandon()
      const message = 'The ssh program cannot be run. Nothing was run. Tell the operator.'
      reject(new CodedError('BACKEND_UNAVAILABLE', message, { cause: error }))
    })
    child.once('close', code => resolve(ended(code)))
  })
}

/** Keeps the end of a stream, in bounded memory. */
function lastOf(stream: NodeJS.ReadableStream): () => string {
  let kept = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-4 * MAX_OUTPUT)
  })
  return () => kept.toString('utf8')
}

/** Tells whether a stream contains a text, in bounded memory. */
function whether(stream: NodeJS.ReadableStream, text: string): () => boolean {
  let end = ''
  let found = false
  stream.on('data', (chunk: Buffer) => {
    if (found) return
    end += chunk.toString('latin1')
    found = end.includes(text)
    end = end.slice(1 - text.length)
  })
  return () => found
}
