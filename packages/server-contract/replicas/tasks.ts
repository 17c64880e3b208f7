import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from '@narrow-deputies/demo-stack'
import type { Caller, Outcome } from './caller.ts'

/** A tool call, and how to look up its effect at the backend. */
export interface Task {
  readonly kind: string
  readonly server: 'ticket-handler' | 'blog-publisher'
  run(caller: Caller): Promise<Outcome>
  /** How often the write was done; undefined for a read. */
  timesDone?(backend: Backend): number
}

export interface FinishedTask {
  readonly task: Task
  readonly outcome: Outcome
}

/** The share of each kind of task, in percent. */
const SHARES: readonly (readonly [percent: number, make: (n: number, data: TestData) => Task])[] = [
  [30, (n, { ticketIds }) => read('getTicket', 'modern', ticketIds[n % ticketIds.length])],
  [10, (n, { ticketIds }) => read('getTicket', 'legacy', ticketIds[n % ticketIds.length])],
  [8, () => listing('modern')],
  [4, () => listing('legacy')],
  [14, n => creation(n, 'modern')],
  [6, n => creation(n, 'legacy')],
  [12, (n, data) => note(n, 'modern', data)],
  [4, (n, data) => note(n, 'legacy', data)],
  [8, (n, data) => publication(n, 'modern', data)],
  [4, (n, data) => publication(n, 'legacy', data)],
]

export interface TestData {
  readonly ticketIds: readonly string[]
  /** The drafts folder. */
  readonly drafts: string
}

type Era = 'legacy' | 'modern'

/** Creates a list of tasks in which all kinds are mixed by their shares. */
export function taskList(count: number, data: TestData): Task[] {
  const makers = SHARES.flatMap(([percent, make]) => Array.from({ length: percent }, () => make))
  // 37 and 100 have no common factor, so every 100 tasks in a row have all kinds.
  return Array.from({ length: count }, (_, n) => makers[(n * 37) % makers.length]?.(n, data)).filter(
    task => task !== undefined,
  )
}

function call(caller: Caller, era: Era, name: string, args: unknown, repeatable: boolean): Promise<Outcome> {
  return caller[era](name, args, repeatable)
}

function read(name: string, era: Era, ticketId: string | undefined): Task {
  return {
    kind: `${name}, ${era}`,
    server: 'ticket-handler',
    run: caller => call(caller, era, name, { ticketId }, true),
  }
}

function listing(era: Era): Task {
  return {
    kind: `listDrafts, ${era}`,
    server: 'blog-publisher',
    run: caller => call(caller, era, 'listDrafts', {}, true),
  }
}

function creation(n: number, era: Era): Task {
  const subject = `Replica ticket ${n}`
  return {
    kind: `createTicket, confirmed, ${era}`,
    server: 'ticket-handler',
    // In the modern era the first request only returns the question, so it can be repeated.
    run: caller =>
      call(caller, era, 'createTicket', { subject, description: `Report ${n}.`, priority: 'low' }, era === 'modern'),
    timesDone: backend => backend.ticketRows().filter(row => row.subject === subject).length,
  }
}

function note(n: number, era: Era, { ticketIds }: TestData): Task {
  const ticketId = ticketIds[n % ticketIds.length]
  const text = `Replica note ${n}.`
  return {
    kind: `updateTicket, confirmed, ${era}`,
    server: 'ticket-handler',
    run: caller => call(caller, era, 'updateTicket', { ticketId, note: text }, era === 'modern'),
    timesDone: backend =>
      backend
        .ticketRows()
        .flatMap(({ notes }) => notes)
        .filter(made => made.text === text).length,
  }
}

function publication(n: number, era: Era, { drafts }: TestData): Task {
  const title = `Replica post ${n}`
  const filename = `${title}.md`
  writeFileSync(join(drafts, filename), `# ${title}\n\nThe text of post ${n}.\n`)
  return {
    kind: `publishDraft, ${era}`,
    server: 'blog-publisher',
    run: caller => call(caller, era, 'publishDraft', { filename }, true),
    timesDone: backend => backend.articles().filter(article => article.title === title).length,
  }
}
