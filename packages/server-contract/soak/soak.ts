import { parseArgs } from 'node:util'
import { proveDisconnects } from './disconnects.ts'
import { proveGuardrails } from './guardrails-trials.ts'
import { proveKills } from './kills.ts'
import { proveLostReplies } from './lost-replies.ts'
import { proveOldestNode } from './oldest-node.ts'
import type { Proof } from './proof.ts'
import { proveSessions } from './sessions.ts'
import { proveSlowClients } from './slow-clients.ts'
import { proveStandalone } from './standalone.ts'

const PROOFS: Readonly<Record<string, { readonly about: string; readonly prove: Proof }>> = {
  guardrails: {
    about: 'the audit log and the path guard hold in many trials: racing reads, killed processes, tampered files',
    prove: proveGuardrails,
  },
  kills: {
    about: 'a server that is killed under load has a record of every answered call and of every backend request',
    prove: proveKills,
  },
  'lost-replies': {
    about: 'a write whose request or reply is lost is done at most once, and once if the server says so',
    prove: proveLostReplies,
  },
  disconnects: {
    about: 'clients that disconnect at any time leave nothing in use, and every call is on record',
    prove: proveDisconnects,
  },
  sessions: {
    about: 'a server keeps 1,000 sessions; for one more, a session of the person with the most ends',
    prove: proveSessions,
  },
  'slow-clients': {
    about: 'a client that sends or reads too slowly is dropped, and other clients are served meanwhile',
    prove: proveSlowClients,
  },
  standalone: {
    about: 'a server’s folder, moved elsewhere, installs from the registry, builds and runs',
    prove: proveStandalone,
  },
  'oldest-node': {
    about: 'the built file of a server, copied alone, runs on the oldest Node versions that the README names',
    prove: proveOldestNode,
  },
}

const HELP = `pnpm soak [proof…]: runs the long proofs, which may use the network. Without a name, it runs all of them.

${Object.entries(PROOFS)
  .map(([name, { about }]) => `  ${name.padEnd(14)}${about}\n`)
  .join('')}`

/** Runs each proof and reports what it proved, or why it was skipped. Resolves to the exit code. */
async function soak(names: readonly string[]): Promise<number> {
  let failed = 0
  for (const name of names) {
    process.stdout.write(`${name}: ${PROOFS[name]?.about}\n`)
    try {
      for await (const line of PROOFS[name]?.prove() ?? []) process.stdout.write(`  ${line}\n`)
    } catch (error) {
      failed += 1
      process.stdout.write(`  FAILED: ${(error as Error).message}\n`)
    }
  }
  process.stdout.write(`\n${names.length - failed} proved, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

const { values, positionals } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
})
const unknown = positionals.filter(name => !Object.hasOwn(PROOFS, name))
if (values.help) process.stdout.write(HELP)
else if (unknown.length > 0) {
  process.stderr.write(`There is no proof named ${unknown.join(', ')}.\n\n${HELP}`)
  process.exitCode = 2
} else process.exitCode = await soak(positionals.length > 0 ? positionals : Object.keys(PROOFS))
