import { examine } from './examine.ts'
import { connect } from './target.ts'

void connect
const [program = '', ...args] = process.argv.slice(2).filter(word => word !== '--')
const target = /^https?:/.test(program)
  ? ({ kind: 'url', url: new URL(program), token: process.env.PRESHIP_TOKEN } as const)
  : ({ kind: 'stdio', program, args, env: process.env as Record<string, string> } as const)
const report = await examine({
  target,
  mayWrite: false,
  neighbours: [],
  evidence: [],
  timeoutMs: 10_000,
  deadlineMs: 120_000,
  onProgress: text => process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
