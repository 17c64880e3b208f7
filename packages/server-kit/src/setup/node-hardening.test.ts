import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { problemsOf } from '../../test/setup/problems.ts'
import { commonSettings } from './common-variables.ts'

const MODULE = new URL('./node-hardening.ts', import.meta.url).href

describe('NODE_TLS_REJECT_UNAUTHORIZED', () => {
  it(`${verifies('P5')} is refused if it turns the check of certificates off`, () => {
    const [problem, ...others] = problemsOf(commonSettings('tiny'), { NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    expect(problem).toMatch(/^NODE_TLS_REJECT_UNAUTHORIZED=0 is refused: .*NODE_EXTRA_CA_CERTS/)
    expect(others).toEqual([])
  })

  it.each(['1', '00', 'false'])('is accepted as %j, which leaves the check on', value => {
    expect(problemsOf(commonSettings('tiny'), { NODE_TLS_REJECT_UNAUTHORIZED: value })).toEqual([])
  })
})

describe('SIGUSR1', () => {
  /** What a process writes to standard error after the signal. */
  async function stderrOf(prologue: string): Promise<string> {
    const code = `${prologue}; process.stdout.write('ready'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '--inspect-port=0', '-e', code], { stdio: 'pipe' })
    onTestFinished(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    await once(child.stdout, 'data')
    child.kill('SIGUSR1')
    for (let waited = 0; waited < 1000 && !stderr.includes('Debugger'); waited += 50)
      await new Promise(resolve => setTimeout(resolve, 50))
    return stderr
  }

  it.skipIf(process.platform === 'win32')(`${verifies('P5')} does not open Node’s inspector`, async () => {
    expect(await stderrOf('')).toContain('Debugger listening')
    expect(await stderrOf(`const { ignoreInspectorSignal } = await import('${MODULE}'); ignoreInspectorSignal()`)).toBe(
      '',
    )
  })
})
