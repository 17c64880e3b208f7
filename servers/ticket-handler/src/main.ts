import { authoriseWrites } from '#backend/writes'
import { start } from '#setup'
import { confirmWrites } from '#setup/writes'
import manifest from '../package.json' with { type: 'json' }
import { REST_ENDPOINTS, REST_SCOPES, restTickets } from './backends/rest.ts'
import { apiKey, type Config, settings } from './config.ts'
import { tools } from './tools/index.ts'

await start({
  name: 'ticket-handler',
  version: manifest.version,
  purpose: 'opens, reads and updates support tickets',
  settings,
  credential: apiKey,
  scopes: REST_SCOPES,
  writes: confirmWrites<Config>(({ confirm }) => confirm === 'required'),
  connect({ apiUrl, apiTimeoutMs }, credential) {
    const tickets = restTickets(credential.connect(authoriseWrites, apiUrl, REST_ENDPOINTS), apiTimeoutMs)
    return { ports: tickets, tools, whoami: tickets.whoami }
  },
})
