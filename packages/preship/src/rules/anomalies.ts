import type { Kind } from '../finding.ts'
import type { Anomaly } from '../surface.ts'
import type { Rule } from './rule.ts'

export const KINDS = {
  ENDLESS_LIST: {
    item: 7,
    severity: 'error',
    title: 'Tool list has no end',
    why: 'A client that reads the whole list never finishes (denial of service), and nobody can review it.',
    narrow: 'Return a finite list, ideally on one page.',
  },
  LIST_TOO_LONG: {
    item: 7,
    severity: 'error',
    title: 'Tool list exceeds the size limit',
    why: 'preship did not examine the rest, and nobody can review everything that the server can do.',
    narrow: 'Split it into several servers with one area and a few tools each.',
  },
  CHANGING_LIST: {
    item: 1,
    severity: 'error',
    title: 'Tool list changes between requests',
    why: 'The tools that are called later are not the ones that were reviewed and allowed (rug pull).',
    narrow: 'Return a fixed list, and send notifications/tools/list_changed when a new version changes it.',
  },
  MESSAGE_TOO_LARGE: {
    item: 2,
    severity: 'error',
    title: 'Server sends messages beyond the size limit',
    why: 'A client that reads all of it runs out of memory (denial of service).',
    narrow: 'Limit the size of every reply.',
  },
  MESSAGE_TOO_DEEP: {
    item: 2,
    severity: 'error',
    title: 'Server sends a message that is nested too deeply',
    why: 'A client that processes it recursively can crash (denial of service).',
    narrow: 'Use flat schemas and flat results.',
  },
  NOT_A_TOOL: {
    item: 2,
    severity: 'warning',
    title: 'Tool list contains an entry that is not a tool',
    why: 'Some clients fail on it, and others display something that nobody reviewed.',
    narrow: 'List only objects with a name, in the form that the protocol defines.',
  },
  NOISE: {
    item: 2,
    severity: 'warning',
    title: 'Server sends data that is not a valid message',
    why: 'Clients parse everything on the connection as messages, log lines too. Some disconnect.',
    narrow: 'Write logs to standard error. Standard output is for protocol messages only.',
  },
  ASKS_CLIENT: {
    item: 2,
    severity: 'warning',
    title: 'Server sends requests that the client does not support',
    why: 'It uses capabilities that this client did not declare: sampling from the model, input from the user, or folder names.',
    narrow: 'Use only capabilities that the client declared, and only while a tool call is in progress.',
  },
  SLOW_LIST: {
    item: 2,
    severity: 'note',
    title: 'Tool list is slow',
    why: 'Every conversation starts with this wait.',
    narrow: 'Return a list that needs no remote calls.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof KINDS

const CODES: Readonly<Record<Anomaly['kind'], Code>> = {
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

export const anomalies: Rule<Code> = surface => {
  const found = new Map(
    surface.anomalies.map(({ kind, text }) => [`${kind} ${text}`, { code: CODES[kind], message: text }]),
  )
  return [...found.values()]
}
