import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../src/repository.ts'
import { run } from './proof.ts'

/** The end of the title of a test that repeats a trial, from packages/guardrails/test/trials.ts. */
const LABEL = '\\([\\d,]+ [a-z ]+\\)$'

interface Report {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly title: string
      readonly ancestorTitles: readonly string[]
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** The tests of the guardrails that repeat a trial hold at full length. `npm test` runs them at a short length. */
export async function* proveGuardrails(): AsyncGenerator<string> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-'))
  try {
    const file = join(folder, 'report.json')
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const { code, stdout, stderr } = await run(
      process.execPath,
      [
        ...[vitest, 'run', '--project', 'packages/guardrails', '--testNamePattern', LABEL],
        ...['--reporter', 'json', '--outputFile', file],
      ],
      { cwd: ROOT, env: { ...process.env, SOAK: '1' } },
    )
    if (!existsSync(file)) throw new Error(`vitest wrote no report:\n${(stdout + stderr).slice(-2000)}`)
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
    let passed = 0
    for (const { ancestorTitles, title, status } of tests) {
      if (status !== 'passed') continue
      passed += 1
      yield [...ancestorTitles, title].join(' ')
    }
    const failures = tests.flatMap(({ failureMessages }) => failureMessages)
    if (code !== 0) throw new Error([...testResults.map(({ message }) => message), ...failures].join('\n').trim())
    if (passed === 0) throw new Error('no test of the guardrails repeats a trial')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
