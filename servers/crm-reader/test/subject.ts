import { fileURLToPath } from 'node:url'
import type { ServerSubject } from '@narrow-deputies/server-contract'

export const subject: ServerSubject = {
  name: 'crm-reader',
  entry: fileURLToPath(new URL('../dist/main.mjs', import.meta.url)),
  prefix: 'CRM',
  api: 'crm',
  endpoints: ['GET /customers/by-email', 'GET /customers/search', 'GET /customers/{id}', 'GET /whoami'],
  scopes: ['customers:read'],
  surplusScope: 'customers:export',
  malformed: { CRM_FIELDS: ['name', 'id,creditLimit', 'id,*', 'ID'] },
  tools: [
    {
      name: 'findCustomerByEmail',
      effect: 'read',
      scope: 'crm:read',
      endpoint: 'GET /customers/by-email',
      fields: { email: { kind: 'email', max: 254 } },
      valid: () => ({ email: 'zoe@bronteson.example' }),
    },
    {
      name: 'searchCustomers',
      effect: 'read',
      scope: 'crm:read',
      endpoint: 'GET /customers/search',
      fields: { name: { kind: 'text', min: 2, max: 80, oneLine: true } },
      valid: () => ({ name: 'Brontëson' }),
    },
    {
      name: 'getCustomer',
      effect: 'read',
      scope: 'crm:read',
      endpoint: 'GET /customers/{id}',
      fields: { customerId: { kind: 'id', max: 64 } },
      valid: () => ({ customerId: 'cus_7hk2mq9tx4wd' }),
    },
  ],
}
