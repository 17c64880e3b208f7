import type { FastifyInstance } from 'fastify'
import type { RateLimiter } from '../api-rules.ts'
import { applyApiRules } from '../api-rules.ts'
import type { Writes } from '../idempotency.ts'
import { closed, EMAIL, ID_PARAMS, text } from '../json-schema.ts'
import { toCsv } from './csv.ts'
import type { Customer, Customers } from './customers.ts'
import { PLANS } from './customers.ts'

const DATE = { type: 'string', format: 'date' }
const FIELDS = {
  name: text(1, 120),
  company: text(0, 200),
  email: EMAIL,
  phone: text(0, 40),
  plan: { type: 'string', enum: PLANS },
  since: DATE,
  country: { type: 'string', pattern: '^[A-Z]{2}$' },
  notes: text(0, 5000),
  creditLimit: { type: 'integer', minimum: 0, maximum: 10_000_000, description: 'In whole euros' },
  birthDate: DATE,
}
const CUSTOMER = closed({ id: { type: 'string' }, ...FIELDS })
const CUSTOMERS = { type: 'array', items: CUSTOMER }

type Fields = Omit<Customer, 'id'>

interface CrmOptions {
  customers: Customers
  writes: Writes
  limiter: RateLimiter
}

/** The CRM API: look up customers, and also list, export, write and delete them, which no server may do. */
export async function crmApi(app: FastifyInstance, { customers, writes, limiter }: CrmOptions): Promise<void> {
  await applyApiRules(app, { api: 'crm', title: 'CRM API', description: 'Customer records.', limiter })

  app.get<{ Querystring: { email: string } }>(
    '/customers/by-email',
    {
      config: { access: 'customers:read' },
      schema: {
        operationId: 'findCustomerByEmail',
        summary: 'Get the customer with exactly this e-mail address, ignoring case',
        querystring: closed({ email: EMAIL }),
        response: { 200: CUSTOMER },
      },
    },
    async request => customers.byEmail(request.query.email),
  )

  app.get<{ Querystring: { name: string } }>(
    '/customers/search',
    {
      config: { access: 'customers:read' },
      schema: {
        operationId: 'searchCustomers',
        summary: 'Find up to ten customers whose name contains the text, ignoring case and accents',
        querystring: closed({ name: text(2, 80) }),
        response: { 200: closed({ customers: CUSTOMERS, more: { type: 'boolean' } }) },
      },
    },
    async request => customers.search(request.query.name),
  )

  app.get(
    '/customers/export',
    {
      config: { access: 'customers:export' },
      schema: {
        operationId: 'exportCustomers',
        summary: 'Export all customers as CSV',
        produces: ['text/csv'],
        response: { 200: { type: 'string' } },
      },
    },
    async (_request, reply) => reply.type('text/csv; charset=utf-8').send(toCsv(customers.all())),
  )

  app.get<{ Params: { id: string } }>(
    '/customers/:id',
    {
      config: { access: 'customers:read' },
      schema: { operationId: 'getCustomer', summary: 'Get a customer', params: ID_PARAMS, response: { 200: CUSTOMER } },
    },
    async request => customers.get(request.params.id),
  )

  app.get(
    '/customers',
    {
      config: { access: 'customers:list' },
      schema: {
        operationId: 'listCustomers',
        summary: 'List all customers',
        response: { 200: closed({ customers: CUSTOMERS }) },
      },
    },
    async () => ({ customers: customers.all() }),
  )

  app.post<{ Body: Fields }>(
    '/customers',
    {
      config: { access: 'customers:write' },
      schema: {
        operationId: 'createCustomer',
        summary: 'Add a customer',
        body: closed(FIELDS),
        response: { 201: CUSTOMER },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({ status: 201, body: customers.create(request.body) })),
  )

  app.patch<{ Params: { id: string }; Body: Partial<Fields> }>(
    '/customers/:id',
    {
      config: { access: 'customers:write' },
      schema: {
        operationId: 'changeCustomer',
        summary: 'Change some fields of a customer',
        params: ID_PARAMS,
        body: { ...closed(FIELDS, Object.keys(FIELDS)), minProperties: 1 },
        response: { 200: CUSTOMER },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => ({ status: 200, body: customers.change(request.params.id, request.body) })),
  )

  app.delete<{ Params: { id: string } }>(
    '/customers/:id',
    {
      config: { access: 'customers:delete' },
      schema: {
        operationId: 'deleteCustomer',
        summary: 'Delete a customer permanently',
        params: ID_PARAMS,
        response: { 204: { type: 'null', description: 'Deleted' } },
      },
    },
    async (request, reply) =>
      writes.answer(request, reply, () => {
        customers.remove(request.params.id)
        return { status: 204, body: null }
      }),
  )
}
