import { SERVERS } from './client-entries.ts'
import { startEnvironment } from './demo/environment.ts'
import { DemoOutput } from './demo/output.ts'
import { runAttacks, runTasks } from './demo/steps.ts'

/** Runs tasks and attacks through real MCP clients, and verifies the audit logs. Exits with 0 if all checks pass. */
const output = new DemoOutput()
output.title('narrow-deputies demo')
output.say('Starts the embedded backend and the three servers, and calls their tools through real MCP clients.')
output.say('Each ✓ is a check that passed.')
const environment = await startEnvironment()
try {
  await runTasks(environment, output)
  await runAttacks(environment, output)

  output.title('Verify the audit logs')
  await environment.closeClients()
  for (const server of SERVERS) {
    const { ok, records, findings } = await environment.verify(server)
    const result = ok ? 'the chain is intact' : findings.map(({ message }) => message).join('; ')
    output.check(ok, `${server}: ${records} records, ${result}`)
  }
} finally {
  await environment.close()
}
const { failures } = output
output.title(failures === 0 ? 'All checks passed.' : `${failures} ${failures === 1 ? 'check' : 'checks'} failed.`)
process.exitCode = failures === 0 ? 0 : 1
