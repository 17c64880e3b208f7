import { authoriseReads } from '#backend'
import { start } from '#setup'
import manifest from '../package.json' with { type: 'json' }
import { REST_ENDPOINTS, REST_SCOPES, restCustomers } from './backends/rest.ts'
import { apiKey, settings } from './config.ts'
import { tools } from './tools/index.ts'

await start({
  name: 'crm-reader',
  version: manifest.version,
  purpose: 'looks customers up in the CRM, and changes nothing',
  settings,
  credential: apiKey,
  scopes: REST_SCOPES,
  connect(config, credential) {
    const customers = restCustomers(credential.connect(authoriseReads, config.apiUrl, REST_ENDPOINTS), config)
    return { ports: customers, tools, whoami: customers.whoami }
  },
})
