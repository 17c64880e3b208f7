/** A server in a process of its own. The text in a call decides what its backend does. */
import { setTimeout as pause } from 'node:timers/promises'
import { destination, pino } from 'pino'
import { serveHttp } from '../../src/remote/serve-http.ts'
import { testServer } from './tools.ts'

const { options, audit, backend } = testServer()
const log = pino({ base: null }, destination({ dest: 2, sync: true }))

backend.answer = async text => {
  log.info('called')
  if (text === 'crash') setTimeout(() => Promise.reject(new Error('a bug')), 0)
  await pause(400)
  return text
}
const { close } = audit
audit.close = () => {
  close()
  log.info({ events: audit.entries.map(({ event }) => event) }, 'audit closed')
}

await serveHttp(
  options,
  {
    host: '127.0.0.1',
    port: 0,
    oauth: undefined,
    addressesAt: port => ({ hosts: [`127.0.0.1:${port}`], origins: [] }),
    dependencies: {},
    onStop: () => log.info('nothing is served any more'),
  },
  log,
)
