import type { Kind } from '../finding.ts'
import type { Oddity } from '../surface.ts'
import type { Rule } from './rule.ts'

export const KINDS = {
  ENDLESS_LIST: {
    item: 7,
    severity: 'error',
    title: 'lists tools without an end',
    why: 'A client that reads the whole list never gets to do anything else; nobody can review it.',
    narrow: 'A list that ends, best on its first page.',
  },
  LIST_TOO_LONG: {
    item: 7,
    severity: 'error',
    title: 'lists more tools than can be looked at',
    why: 'Nobody knows what can be done with it.',
    narrow: 'Several servers, each with one concern and a few tools.',
  },
  CHANGING_LIST: {
    item: 1,
    severity: 'error',
    title: 'lists other tools when asked again',
    why: 'What was reviewed and allowed is not what is called later.',
    narrow: 'A fixed list; notify clients when a new version changes it.',
  },
  MESSAGE_TOO_LARGE: {
    item: 2,
    severity: 'error',
    title: 'sends more than anybody can read',
    why: 'A client that takes it all in runs out of memory.',
    narrow: 'Bound every reply.',
  },
  MESSAGE_TOO_DEEP: {
    item: 2,
    severity: 'error',
    title: 'sends a message that is nested too deep',
    why: 'A client that walks through it breaks off.',
    narrow: 'Flat schemas and flat results.',
  },
  NOT_A_TOOL: {
    item: 2,
    severity: 'warning',
    title: 'lists something that is no tool',
    why: 'Some clients stop there, others show something that nobody reviewed.',
    narrow: 'Only objects with a name, in the form that the protocol gives.',
  },
  NOISE: {
    item: 2,
    severity: 'warning',
    title: 'sends what is no message',
    why: 'Whatever a log line holds is parsed as a message; some clients break off.',
    narrow: 'Write logs to standard error; standard output belongs to the protocol.',
  },
  ASKS_CLIENT: {
    item: 2,
    severity: 'warning',
    title: 'asks its client for something unasked',
    why: 'It takes what this client never said that it has: the model, the user’s attention, the names of folders.',
    narrow: 'Ask only for what the client offers, and only while a call of a tool is in progress.',
  },
  SLOW_LIST: {
    item: 2,
    severity: 'note',
    title: 'takes long to list its tools',
    why: 'Each conversation begins with waiting for it.',
    narrow: 'A fixed list that needs nothing from anywhere.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof KINDS

const CODES: Readonly<Record<Oddity['kind'], Code>> = {
  'endless-list': 'ENDLESS_LIST',
  'too-many-tools': 'LIST_TOO_LONG',
  'changing-list': 'CHANGING_LIST',
  'too-large': 'MESSAGE_TOO_LARGE',
  'too-deep': 'MESSAGE_TOO_DEEP',
  'not-a-tool': 'NOT_A_TOOL',
  noise: 'NOISE',
  'asks-client': 'ASKS_CLIENT',
  slow: 'SLOW_LIST',
}

export const oddities: Rule<Code> = surface => {
  const found = new Map(
    surface.oddities.map(({ kind, text }) => [`${kind} ${text}`, { code: CODES[kind], message: text }]),
  )
  return [...found.values()]
}
