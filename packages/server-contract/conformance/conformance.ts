import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBackend } from '@narrow-deputies/demo-stack'
import { RemoteServer } from '../src/remote/remote-server.ts'
import { entryPoint } from '../src/repository.ts'
import { EXPECTED_FAILURES, reasonFor } from './expected-failures.ts'

const HELP = `pnpm conformance

Runs the official MCP conformance suite against ticket-handler over HTTP, for two revisions of the protocol. The suite
sends no access token, so the server runs on loopback without OAuth. expected-failures.ts lists the checks that are
expected to fail, with reasons. The command fails if any other check fails, or if a listed scenario passes.
`

const REVISIONS = ['2025-11-25', '2026-07-28'] as const

interface Check {
  readonly id: string
  readonly status: string
  readonly errorMessage?: string
}

interface Outcome {
  readonly scenario: string
  readonly check: Check
}

async function runSuite(url: string, revision: string, folder: string): Promise<Outcome[]> {
  const cli = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')
  const args = [cli, 'server', '--url', url, '--requirements', revision, '--output-dir', folder]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  await once(child, 'exit')
  return readdirSync(folder).flatMap(run => {
    const scenario = /^server-(.+?)-\d{4}-\d{2}-\d{2}T/.exec(run)?.[1] ?? run
    const checks = JSON.parse(readFileSync(join(folder, run, 'checks.json'), 'utf8')) as Check[]
    return checks.map(check => ({ scenario, check }))
  })
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP)
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const backend = await startBackend()
  const server = new RemoteServer(entryPoint('ticket-handler'), {
    TICKET_API_URL: backend.tickets.url,
    TICKET_API_KEY: backend.tickets.key,
    AUDIT_FILE: join(folder, 'audit.jsonl'),
    AUDIT_KEY: 'ab'.repeat(32),
    LOG_LEVEL: 'silent',
  })
  try {
    await server.listening()
    const failed = new Set<string>()
    let unexpected = 0
    for (const revision of REVISIONS) {
      process.stdout.write(`Running the suite for revision ${revision} …\n`)
      const outcomes = await runSuite(server.url, revision, join(folder, revision))
      const failures = outcomes.filter(({ check }) => check.status === 'FAILURE')
      const passed = outcomes.filter(({ check }) => check.status === 'SUCCESS')
      const unexpectedFailures = failures.filter(({ scenario, check }) => reasonFor(scenario, check.id) === undefined)
      for (const { scenario } of failures) failed.add(scenario)
      for (const { scenario, check } of unexpectedFailures)
        process.stdout.write(`  FAILED  ${scenario}: ${check.id}: ${check.errorMessage ?? ''}\n`)
      const passedScenarios = new Set(passed.map(({ scenario }) => scenario))
      for (const { scenario } of failures) passedScenarios.delete(scenario)
      process.stdout.write(
        `  checks: ${passed.length} passed, ${failures.length - unexpectedFailures.length} failed as expected, ${unexpectedFailures.length} failed\n` +
          `  passed scenarios: ${[...passedScenarios].sort().join(', ')}\n`,
      )
      unexpected += unexpectedFailures.length + (passed.length === 0 ? 1 : 0)
    }
    const listed = EXPECTED_FAILURES.flatMap(({ scenarios }) => scenarios)
    const passing = listed.filter(scenario => !failed.has(scenario))
    for (const scenario of passing)
      process.stdout.write(`  FAILED  ${scenario}: passes, but is listed in expected-failures.ts\n`)
    return unexpected + passing.length === 0 ? 0 : 1
  } finally {
    await server.kill('SIGTERM')
    await backend.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
