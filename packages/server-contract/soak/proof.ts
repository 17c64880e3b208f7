import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A long test. It yields a line for each step that passed, and throws if a step fails. */
export type Proof = () => AsyncIterable<string>

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command until it exits. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Finished> {
  const { input = '', ...where } = options
  const child = spawn(command, args, { ...where, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}).end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** @throws if the command failed, with the end of what it printed */
export async function mustRun(...call: Parameters<typeof run>): Promise<Finished> {
  const finished = await run(...call)
  if (finished.code !== 0)
    throw new Error(`${call[0]} ${call[1].join(' ')} failed:\n${(finished.stdout + finished.stderr).slice(-2000)}`)
  return finished
}
