import type { Kind } from '../finding.ts'
import type { Rule } from './rule.ts'
import { tokensIn } from './tokens.ts'

export const KINDS = {
  LIST_COSTS_TOKENS: {
    item: 7,
    severity: 'note',
    title: 'costs more tokens than a narrow server needs',
    why: 'Each conversation pays for the whole list, and has less room for what it is about.',
    narrow: 'Fewer tools, shorter descriptions, schemas without repetition: three tools fit into 800 tokens.',
  },
  LIST_COSTS_MANY_TOKENS: {
    item: 7,
    severity: 'warning',
    title: 'costs so many tokens that models choose badly',
    why: 'With a list that long a model takes the wrong tool more often, and nobody reviews the right one.',
    narrow: 'Split it: one server for each concern, each with a few tools.',
  },
} as const satisfies Record<string, Kind>

const SOME = 2_000
const MANY = 10_000

export const costs: Rule<keyof typeof KINDS> = ({ tools }) => {
  // What no model reads costs none.
  const count = tokensIn(JSON.stringify(tools.map(({ other: _, ...read }) => read)))
  if (count <= SOME) return []
  const message = `its ${tools.length} tools cost ${count.toLocaleString('en')} tokens (o200k) in every conversation`
  return [{ code: count > MANY ? 'LIST_COSTS_MANY_TOKENS' : 'LIST_COSTS_TOKENS', message }]
}
