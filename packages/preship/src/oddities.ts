import type { Finding, Kind } from './finding.ts'
import type { Oddity } from './surface.ts'

const WASTE =
  'A client has to hold and read all of it before a model sees the first tool; what is endless stops it for good.'
const BOUND = 'Offer few tools, in one short list, and send nothing that nobody asked for.'

/** What a server does that none should, whatever its tools are. */
export const ODDITY_KINDS = {
  ENDLESS_LIST: {
    item: 1,
    severity: 'error',
    title: 'the list of tools has no end',
    why: WASTE,
    narrow: BOUND,
  },
  TOO_MANY_TOOLS: {
    item: 1,
    severity: 'error',
    title: 'more tools than anybody can decide on',
    why: 'Nobody has written down the worst that each of them can do, and no model chooses well among them.',
    narrow: BOUND,
  },
  TOO_LARGE: { item: 1, severity: 'error', title: 'more text than anybody should read', why: WASTE, narrow: BOUND },
  TOO_DEEP: {
    item: 1,
    severity: 'error',
    title: 'a message that nests too deep',
    why: 'Parsers and validators that walk through it run out of stack: a client can end because of it.',
    narrow: 'Keep schemas and results flat.',
  },
  CHANGING_LIST: {
    item: 1,
    severity: 'error',
    title: 'the list of tools changes by itself',
    why: 'What a person agreed to is not what the model is shown afterwards.',
    narrow: 'List the same tools, in the same order and words, to everybody and at any time.',
  },
  SLOW: {
    item: 2,
    severity: 'warning',
    title: 'answers that come too late',
    why: 'A client gives up and tries again: what was asked may then happen twice.',
    narrow: 'Set a deadline for whatever is behind the server, and answer with an error when it is up.',
  },
  NOT_A_TOOL: {
    item: 1,
    severity: 'warning',
    title: 'something in the list of tools is none',
    why: 'Clients differ in what they make of it: a person may be shown another list than a model.',
    narrow: 'List tools with a name, a description and an input schema, and nothing else.',
  },
  NOISE: {
    item: 2,
    severity: 'warning',
    title: 'messages that are none',
    why: 'Log lines and stray replies among messages make some clients end the connection, and hide what is wrong.',
    narrow: 'Write nothing but messages to standard output; logs belong on standard error.',
  },
  ASKS_CLIENT: {
    item: 6,
    severity: 'warning',
    title: 'it asks its client for what nobody offered',
    why: 'A question that comes unasked can lead a person, or the model behind the client, to give something away.',
    narrow: 'Ask a person only within a call that needs it, and only what the client says that it offers.',
  },
} as const satisfies Record<string, Kind>

/** What was strange, as findings: one for each thing. */
export function findingsOf(oddities: readonly Oddity[]): Finding[] {
  return oddities.map(({ kind, text }) => ({ code: kind.toUpperCase().replaceAll('-', '_'), message: text }))
}
