import { SERVERS } from './client-entries.ts'
import { Narrator } from './tour/narrator.ts'
import { attacks, work } from './tour/scenes.ts'
import { setStage } from './tour/stage.ts'

/** A tour through real MCP clients: the work, seven attacks, and the audit. Exits with 0 only if all goes as told. */
const tell = new Narrator()
tell.title('Narrow deputies: a tour')
tell.say('Starting the embedded backend and three servers, each with a real MCP client …')
const stage = await setStage()
try {
  await work(stage, tell)
  await attacks(stage, tell)

  tell.title('The audit')
  await stage.leave()
  for (const server of SERVERS) {
    const { ok, records, findings } = await stage.verify(server)
    tell.expect(
      ok,
      `${server}: ${records} records, ${ok ? 'an unbroken chain' : findings.map(({ message }) => message).join('; ')}`,
    )
  }
} finally {
  await stage.strike()
}
tell.title(tell.failures === 0 ? 'All went as told.' : `${tell.failures} things did not go as told.`)
process.exitCode = tell.failures === 0 ? 0 : 1
