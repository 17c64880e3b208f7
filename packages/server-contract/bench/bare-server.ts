import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

/**
 * The server that the others are compared with. It has the same tools, schemas and backend, written as the SDK's
 * documentation shows. It has no audit log, no deadline, no limit on replies, no error codes, and no checks except
 * those of the SDK.
 */
const which = process.argv.includes('tickets') ? 'tickets' : 'crm'
const { API_URL = '', API_KEY = '' } = process.env

async function request(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(API_URL + path, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`the backend responded with ${response.status}`)
  return (await response.json()) as Record<string, unknown>
}

function reply(structuredContent: Record<string, unknown>) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(structuredContent) }], structuredContent }
}

const CustomerId = z
  .string()
  .max(64)
  .refine(id => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(id))
const untrusted = z.strictObject({ name: z.string().max(120).optional(), company: z.string().max(120).optional() })
const CustomerMatch = z.strictObject({ customerId: CustomerId, untrusted })
const Customer = CustomerMatch.extend({
  email: z.string().max(254).optional(),
  phone: z.string().max(32).optional(),
  country: z.string().max(2).optional(),
  plan: z.enum(['free', 'team', 'business', 'enterprise']).optional(),
  since: z.iso.date().max(10).optional(),
})
const CustomerMatches = z.strictObject({ customers: z.array(CustomerMatch).max(10), more: z.boolean() })

function customerOf({ id, name, company, email, plan, since }: Record<string, unknown>) {
  return reply({ customerId: id, untrusted: { name, company }, email, plan, since })
}

function registerCustomerTools(mcp: McpServer): void {
  const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
  mcp.registerTool(
    'findCustomerByEmail',
    {
      title: 'Find a customer by e-mail',
      description: 'Looks up the one customer with exactly this e-mail address.',
      annotations,
      inputSchema: z.strictObject({ email: z.email().max(254) }),
      outputSchema: Customer,
    },
    async ({ email }) => customerOf(await request('GET', `/customers/by-email?email=${encodeURIComponent(email)}`)),
  )
  mcp.registerTool(
    'searchCustomers',
    {
      title: 'Search customers by name',
      description: 'Finds customers whose name contains this text; at most 10.',
      annotations,
      inputSchema: z.strictObject({ name: z.string().min(2).max(80) }),
      outputSchema: CustomerMatches,
    },
    async ({ name }) => {
      const { customers, more } = await request('GET', `/customers/search?name=${encodeURIComponent(name)}`)
      const matches = (customers as Record<string, unknown>[]).map(({ id, name, company }) => ({
        customerId: id,
        untrusted: { name, company },
      }))
      return reply({ customers: matches, more })
    },
  )
  mcp.registerTool(
    'getCustomer',
    {
      title: 'Read a customer',
      description: 'Reads one customer by id.',
      annotations,
      inputSchema: z.strictObject({ customerId: CustomerId }),
      outputSchema: Customer,
    },
    async ({ customerId }) => customerOf(await request('GET', `/customers/${encodeURIComponent(customerId)}`)),
  )
}

const Priority = z.enum(['low', 'normal', 'high', 'urgent'])
const Status = z.enum(['open', 'pending', 'solved'])
const Instant = z.iso.datetime({ offset: true }).max(40)
const TicketReceipt = z.strictObject({
  ticketId: z.string().max(64),
  status: Status,
  priority: Priority,
  updatedAt: Instant,
})
const TicketView = TicketReceipt.extend({
  untrusted: z.strictObject({
    subject: z.string().max(200),
    description: z.string().max(4000),
    notes: z.array(z.strictObject({ at: Instant, text: z.string().max(1000) })).max(20),
  }),
})

function receiptOf({ id, status, priority, updatedAt }: Record<string, unknown>) {
  return reply({ ticketId: id, status, priority, updatedAt })
}

function registerTicketTools(mcp: McpServer): void {
  const annotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false }
  mcp.registerTool(
    'createTicket',
    {
      title: 'Create a ticket',
      description: 'Opens a support ticket.',
      annotations,
      inputSchema: z.strictObject({
        subject: z.string().max(200),
        description: z.string().max(4000),
        priority: Priority,
        customerEmail: z.email().max(254).optional(),
      }),
      outputSchema: TicketReceipt,
    },
    async ticket => receiptOf(await request('POST', '/tickets', ticket)),
  )
  mcp.registerTool(
    'updateTicket',
    {
      title: 'Update a ticket',
      description: 'Sets a ticket’s status or priority, or adds an internal note (never a public reply).',
      annotations,
      inputSchema: z.strictObject({
        ticketId: z.string().max(64),
        status: Status.optional(),
        priority: Priority.optional(),
        note: z.string().max(1000).optional(),
      }),
      outputSchema: TicketReceipt,
    },
    async ({ ticketId, ...change }) =>
      receiptOf(await request('PATCH', `/tickets/${encodeURIComponent(ticketId)}`, change)),
  )
  mcp.registerTool(
    'getTicket',
    {
      title: 'Read a ticket',
      description: 'Reads one ticket by its id.',
      annotations: { ...annotations, readOnlyHint: true, idempotentHint: true },
      inputSchema: z.strictObject({ ticketId: z.string().max(64) }),
      outputSchema: TicketView,
    },
    async ({ ticketId }) => {
      const { id, status, priority, updatedAt, ...untrusted } = await request(
        'GET',
        `/tickets/${encodeURIComponent(ticketId)}`,
      )
      return reply({ ticketId: id, status, priority, updatedAt, untrusted })
    },
  )
}

function bareServer(): McpServer {
  const mcp = new McpServer({ name: 'bare', version: '0.0.0' })
  if (which === 'tickets') registerTicketTools(mcp)
  else registerCustomerTools(mcp)
  return mcp
}

if (process.argv.includes('http')) {
  const http = createServer(toNodeHandler(createMcpHandler(bareServer)) as RequestListener)
  http.listen(0, '127.0.0.1', () => {
    process.stdout.write(`bare listens at http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp\n`)
  })
} else serveStdio(bareServer)
