import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from '@narrow-deputies/demo-stack'
import type { Caller, Ending } from './caller.ts'

/** One thing that somebody wants done, and how often it was, looked up at the backend. */
export interface Work {
  readonly kind: string
  readonly server: 'ticket-handler' | 'blog-publisher'
  run(caller: Caller): Promise<Ending>
  /** Left out for a read. */
  timesDone?(backend: Backend): number
}

export interface Ended {
  readonly work: Work
  readonly ending: Ending
}

/** Out of a hundred. */
const SHARES: readonly (readonly [share: number, make: (n: number, place: Place) => Work])[] = [
  [30, (n, { ticketIds }) => read('getTicket', 'modern', ticketIds[n % ticketIds.length])],
  [10, (n, { ticketIds }) => read('getTicket', 'legacy', ticketIds[n % ticketIds.length])],
  [8, () => listing('modern')],
  [4, () => listing('legacy')],
  [14, n => creation(n, 'modern')],
  [6, n => creation(n, 'legacy')],
  [12, (n, place) => note(n, 'modern', place)],
  [4, (n, place) => note(n, 'legacy', place)],
  [8, (n, place) => publication(n, 'modern', place)],
  [4, (n, place) => publication(n, 'legacy', place)],
]

export interface Place {
  readonly ticketIds: readonly string[]
  readonly drafts: string
}

type Era = 'legacy' | 'modern'

/** So many pieces of work, each kind by its share, well mixed. */
export function workList(count: number, place: Place): Work[] {
  const deck = SHARES.flatMap(([share, make]) => Array.from({ length: share }, () => make))
  // By a step that shares no factor with a hundred, every kind comes up all the time.
  return Array.from({ length: count }, (_, n) => deck[(n * 37) % deck.length]?.(n, place)).filter(
    work => work !== undefined,
  )
}

function call(caller: Caller, era: Era, name: string, args: unknown, repeatable: boolean): Promise<Ending> {
  return caller[era](name, args, repeatable)
}

function read(name: string, era: Era, ticketId: string | undefined): Work {
  return {
    kind: `${name}, ${era}`,
    server: 'ticket-handler',
    run: caller => call(caller, era, name, { ticketId }, true),
  }
}

function listing(era: Era): Work {
  return {
    kind: `listDrafts, ${era}`,
    server: 'blog-publisher',
    run: caller => call(caller, era, 'listDrafts', {}, true),
  }
}

function creation(n: number, era: Era): Work {
  const subject = `Replica ticket ${n}`
  return {
    kind: `createTicket, confirmed, ${era}`,
    server: 'ticket-handler',
    // In the later era the first request is a question, and the answer has rules of its own.
    run: caller =>
      call(caller, era, 'createTicket', { subject, description: `Report ${n}.`, priority: 'low' }, era === 'modern'),
    timesDone: backend => backend.ticketRows().filter(row => row.subject === subject).length,
  }
}

function note(n: number, era: Era, { ticketIds }: Place): Work {
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

function publication(n: number, era: Era, { drafts }: Place): Work {
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
