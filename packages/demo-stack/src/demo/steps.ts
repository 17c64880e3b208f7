import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerName } from '../client-entries.ts'
import type { DemoEnvironment, Reply } from './environment.ts'
import type { DemoOutput } from './output.ts'

/** Ordinary tasks that the three servers are made for. */
export async function runTasks(environment: DemoEnvironment, output: DemoOutput): Promise<void> {
  output.title('1. Publish a draft after a person confirms it')
  const { data: listed } = await environment.call('blog-publisher', 'listDrafts', {})
  const drafts = (listed.drafts ?? []) as { filename: string; title: string; sha256: string }[]
  output.check(
    drafts.length === 6,
    `listDrafts shows ${drafts.length} drafts: ${drafts.map(({ title }) => `“${title}”`).join(', ')}`,
  )
  const [draft] = drafts
  let asked = ''
  environment.onQuestion = question => {
    asked = question
    output.question(question, 'yes')
    return true
  }
  const published = await environment.call('blog-publisher', 'publishDraft', { filename: draft?.filename })
  const [article] = environment.backend.articles().filter(({ sha256 }) => sha256 === draft?.sha256)
  output.check(!published.isError && article !== undefined, `publishDraft: published at ${published.data.url}`)
  output.check(
    article !== undefined && asked.includes(article.sha256),
    'the SHA-256 of the text on the blog is the one that the person was shown',
  )

  output.title('2. The person declines')
  environment.onQuestion = question => {
    output.question(question.split('\n')[0] ?? '', 'no')
    return false
  }
  const before = environment.backend.requests().length
  const declined = await environment.call('blog-publisher', 'publishDraft', { filename: drafts[1]?.filename })
  output.check(codeOf(declined) === 'CONFIRMATION_DECLINED', `publishDraft: ${declined.text}`)
  output.check(environment.backend.requests().length === before, 'no request reached the blog')

  output.title('3. Look up a customer')
  const known = environment.backend.customers()[0]
  const found = await environment.call('crm-reader', 'findCustomerByEmail', { email: known?.email })
  output.check(found.data.customerId === known?.id, `findCustomerByEmail: ${found.text}`)
  output.check(
    known !== undefined && !found.text.includes(known.notes) && !found.text.includes(known.birthDate),
    'the reply has the allowed fields only, without the notes, birth date and credit limit in the CRM',
  )

  output.title('4. Create a ticket and update it')
  const opened = await environment.call('ticket-handler', 'createTicket', {
    subject: 'Export stops at 10,000 rows',
    description: 'Since Monday, the export of this customer stops at 10,000 rows.',
    priority: 'high',
    customerEmail: known?.email,
  })
  output.check(!opened.isError, `createTicket: ${opened.text}`)
  const { ticketId } = opened.data
  const updated = await environment.call('ticket-handler', 'updateTicket', {
    ticketId,
    status: 'pending',
    note: 'Reproduced; a fix is on its way.',
  })
  const row = environment.backend.ticketRows().find(({ id }) => id === ticketId)
  output.check(!updated.isError && row?.status === 'pending', `updateTicket: ${updated.text}`)
  output.check(
    row?.notes.every(({ internal }) => internal) === true,
    'the note is internal, so the customer does not see it',
  )
}

interface Attack {
  readonly title: string
  readonly server: ServerName
  readonly tool: string
  readonly args: Record<string, unknown>
  readonly extra?: Record<string, unknown>
  readonly code: string
}

const ATTACKS: readonly Attack[] = [
  {
    title: 'Path traversal: publish a file outside the drafts folder',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '../blog-publisher.api-key' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'Symbolic link: publish a draft that is a link to the audit key',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: 'quarterly-report.md' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'Unknown draft: publish a file that listDrafts does not list',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: 'we-are-shutting-down.md' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'Unknown argument: publish a text that the model wrote',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '2026-roadmap.md', body: 'Buy our new coin.' },
    code: 'INVALID_INPUT',
  },
  {
    title: 'Forged confirmation: publish without asking the person',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '2026-roadmap.md' },
    extra: {
      inputResponses: { confirm: { action: 'accept', content: { confirm: true } } },
      requestState: 'forged',
    },
    code: 'CONFIRMATION_INVALID',
  },
  {
    title: 'Manipulated id: turn a look-up into the export of all customers',
    server: 'crm-reader',
    tool: 'getCustomer',
    args: { customerId: '../customers/export' },
    code: 'INVALID_INPUT',
  },
  {
    title: 'Unknown tool: delete a ticket',
    server: 'ticket-handler',
    tool: 'deleteTicket',
    args: { ticketId: 'tic_2hw9qnk5vr7c' },
    code: 'INVALID_INPUT',
  },
]

/** Attacks that a deceived model would try. Each must be refused, reach no backend, and be in the audit log. */
export async function runAttacks(environment: DemoEnvironment, output: DemoOutput): Promise<void> {
  symlinkSync(
    join(environment.drafts, '..', 'blog-publisher.audit-key'),
    join(environment.drafts, 'quarterly-report.md'),
  )
  environment.onQuestion = () => {
    output.check(false, 'the person must not be asked')
    return true
  }
  for (const [index, { title, server, tool, args, extra, code }] of ATTACKS.entries()) {
    output.title(`Attack ${index + 1}. ${title}`)
    output.say(`${server}: ${tool}(${JSON.stringify(args)})`)
    if (extra) output.say(`with ${JSON.stringify(extra)}`)
    const before = environment.backend.requests().length
    const reply = await environment.call(server, tool, args, extra)
    output.check(codeOf(reply) === code, `refused: ${reply.text}`)
    output.check(environment.backend.requests().length === before, 'no request reached the backend')
    const last = environment.records(server).at(-1)
    output.check(
      last?.event === 'denied' && last.tool === tool && last.error?.code === code,
      `recorded in the audit log: ${last?.event}, ${last?.tool}, ${last?.error?.code}, trace ${last?.trace?.traceId}`,
    )
  }
}

/** The code at the start of an error message, from a tool result or a protocol error. */
function codeOf({ isError, text }: Reply): string | undefined {
  return isError ? /\b([A-Z]+(?:_[A-Z]+)+): /.exec(text)?.[1] : undefined
}
