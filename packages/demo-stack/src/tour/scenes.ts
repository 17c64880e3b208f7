import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerName } from '../client-entries.ts'
import type { Narrator } from './narrator.ts'
import type { Reply, Stage } from './stage.ts'

/** What the three servers are for. */
export async function work(stage: Stage, tell: Narrator): Promise<void> {
  tell.title('1. Publish a draft, with a person’s yes')
  const { data: listed } = await stage.call('blog-publisher', 'listDrafts', {})
  const drafts = (listed.drafts ?? []) as { filename: string; title: string; sha256: string }[]
  tell.expect(
    drafts.length === 6,
    `listDrafts shows ${drafts.length} drafts: ${drafts.map(({ title }) => `“${title}”`).join(', ')}`,
  )
  const [draft] = drafts
  let asked = ''
  stage.human = question => {
    asked = question
    tell.question(question, 'Yes, do exactly this')
    return true
  }
  const published = await stage.call('blog-publisher', 'publishDraft', { filename: draft?.filename })
  const [article] = stage.backend.articles().filter(({ sha256 }) => sha256 === draft?.sha256)
  tell.expect(!published.isError && article !== undefined, `published: ${published.data.url}`)
  tell.expect(
    article !== undefined && asked.includes(article.sha256),
    'the bytes that the blog received have the digest that the person was shown',
  )

  tell.title('2. The person says no')
  stage.human = question => {
    tell.question(question.split('\n')[0] ?? '', 'No')
    return false
  }
  const before = stage.backend.requests().length
  const declined = await stage.call('blog-publisher', 'publishDraft', { filename: drafts[1]?.filename })
  tell.expect(codeOf(declined) === 'CONFIRMATION_DECLINED', declined.text)
  tell.expect(stage.backend.requests().length === before, 'nothing reached the blog')

  tell.title('3. Look a customer up')
  const known = stage.backend.customers()[0]
  const found = await stage.call('crm-reader', 'findCustomerByEmail', { email: known?.email })
  tell.expect(found.data.customerId === known?.id, `findCustomerByEmail: ${found.text}`)
  tell.expect(
    known !== undefined && !found.text.includes(known.notes) && !found.text.includes(known.birthDate),
    'notes, birth date and credit limit stay in the CRM: only the allowed fields come through',
  )

  tell.title('4. Open a ticket and add to it')
  const opened = await stage.call('ticket-handler', 'createTicket', {
    subject: 'Export stops at 10,000 rows',
    description: 'The customer’s export ends at 10,000 rows since Monday.',
    priority: 'high',
    customerEmail: known?.email,
  })
  tell.expect(!opened.isError, `createTicket: ${opened.text}`)
  const { ticketId } = opened.data
  const updated = await stage.call('ticket-handler', 'updateTicket', {
    ticketId,
    status: 'pending',
    note: 'Reproduced; a fix is on its way.',
  })
  const row = stage.backend.ticketRows().find(({ id }) => id === ticketId)
  tell.expect(!updated.isError && row?.status === 'pending', `updateTicket: ${updated.text}`)
  tell.expect(
    row?.notes.every(({ internal }) => internal) === true,
    'the note is internal: the customer does not see it',
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
    title: 'Traversal: publish a file outside the drafts folder',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '../blog-publisher.api-key' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'A draft that is a symbolic link to the audit key',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: 'quarterly-report.md' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'A draft that listDrafts never listed',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: 'we-are-shutting-down.md' },
    code: 'NOT_A_DRAFT',
  },
  {
    title: 'An argument that does not exist',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '2026-roadmap.md', body: 'Buy our new coin.' },
    code: 'INVALID_INPUT',
  },
  {
    title: 'A confirmation that no person gave',
    server: 'blog-publisher',
    tool: 'publishDraft',
    args: { filename: '2026-roadmap.md' },
    extra: {
      inputResponses: { confirm: { action: 'accept', content: { confirm: true } } },
      requestState: 'made-up.seal',
    },
    code: 'CONFIRMATION_INVALID',
  },
  {
    title: 'An id that would turn a look-up into the export of all customers',
    server: 'crm-reader',
    tool: 'getCustomer',
    args: { customerId: '../customers/export' },
    code: 'INVALID_INPUT',
  },
  {
    title: 'A tool that does not exist',
    server: 'ticket-handler',
    tool: 'deleteTicket',
    args: { ticketId: 'tic_2hw9qnk5vr7c' },
    code: 'INVALID_INPUT',
  },
]

/** What a perfectly deceived model would try: each is refused, reaches no backend, and is on record. */
export async function attacks(stage: Stage, tell: Narrator): Promise<void> {
  symlinkSync(join(stage.drafts, '..', 'blog-publisher.audit-key'), join(stage.drafts, 'quarterly-report.md'))
  stage.human = () => {
    tell.expect(false, 'nobody may be asked')
    return true
  }
  for (const [index, { title, server, tool, args, extra, code }] of ATTACKS.entries()) {
    tell.title(`Attack ${index + 1}. ${title}`)
    tell.say(`${server}: ${tool}(${JSON.stringify(args)})`)
    const before = stage.backend.requests().length
    const reply = await stage.call(server, tool, args, extra)
    tell.expect(codeOf(reply) === code, `refused: ${reply.text}`)
    tell.expect(stage.backend.requests().length === before, 'nothing reached the backend')
    const last = stage.records(server).at(-1)
    tell.expect(
      last?.event === 'denied' && last.tool === tool && last.error?.code === code,
      `on record: ${last?.event} ${last?.tool} ${last?.error?.code}, trace ${last?.trace?.traceId}`,
    )
  }
}

/** `CODE: message`, from a result or from a protocol error. */
function codeOf({ isError, text }: Reply): string | undefined {
  return isError ? /\b([A-Z]+(?:_[A-Z]+)+): /.exec(text)?.[1] : undefined
}
