import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type { Kind } from '../finding.ts'
import type { Surface } from '../surface.ts'
import type { Rule } from './rule.ts'

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
/** What is longer, or holds longer words than people write, is estimated: counting it exactly takes too long. */
const MAX_CHARACTERS = 1_000_000
const ENDLESS_WORD = /\p{L}{1000}|\s{1000}|[^\s\p{L}\p{N}]{1000}/u
const CHARACTERS_PER_TOKEN = 4

export const costs: Rule<keyof typeof KINDS> = ({ tools }) => {
  const count = tokensOf(tools)
  if (count <= SOME) return []
  const message = `its ${tools.length} tools cost ${count.toLocaleString('en')} tokens (o200k) in every conversation`
  return [{ code: count > MANY ? 'LIST_COSTS_MANY_TOKENS' : 'LIST_COSTS_TOKENS', message }]
}

function tokensOf(tools: Surface['tools']): number {
  // What no model reads costs none.
  const text = JSON.stringify(tools.map(({ other: _, ...read }) => read))
  if (text.length > MAX_CHARACTERS || ENDLESS_WORD.test(text)) return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
  // Names of special tokens in a hostile text are text like any other.
  return countTokens(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() })
}
