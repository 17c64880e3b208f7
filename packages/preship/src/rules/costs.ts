import type { Kind } from '../finding.ts'
import type { Surface } from '../surface.ts'
import type { Rule } from './rule.ts'
import { tokensIn } from './tokens.ts'

export const KINDS = {
  LIST_COSTS_TOKENS: {
    item: 7,
    severity: 'note',
    title: 'Tool list uses many tokens',
    why: 'Every conversation pays for the whole list and has less context left.',
    narrow: 'Use fewer tools, shorter descriptions and schemas without repetition. Three tools fit into 800 tokens.',
  },
  LIST_COSTS_MANY_TOKENS: {
    item: 7,
    severity: 'warning',
    title: 'Tool list uses so many tokens that models choose badly',
    why: 'Models pick the wrong tool more often from such a long list, and nobody reviews all of it.',
    narrow: 'Split it into one server for each area, with a few tools each.',
  },
} as const satisfies Record<string, Kind>

const SOME = 2_000
const MANY = 10_000

export const costs: Rule<keyof typeof KINDS> = ({ tools }) => {
  const count = tokensIn(listOf(tools))
  if (count <= SOME) return []
  const message = `its ${tools.length} tools use ${count.toLocaleString('en')} tokens (o200k) in every conversation`
  return [{ code: count > MANY ? 'LIST_COSTS_MANY_TOKENS' : 'LIST_COSTS_TOKENS', message }]
}

/** Whether the exact number of tokens matters. A text has no more tokens than bytes. */
export function needsTokenCount({ tools }: Surface): boolean {
  return Buffer.byteLength(listOf(tools)) > SOME
}

/** The list as models read it. They do not see the other properties. */
function listOf(tools: Surface['tools']): string {
  return JSON.stringify(tools.map(({ other: _, ...read }) => read))
}
