import type { Kind } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { type Neighbour, ofEachTool, quoted, type Rule } from './rule.ts'
import { effectByName, warns } from './verbs.ts'
import { singular, wordsOf } from './words.ts'

export const KINDS = {
  NO_DESCRIPTION: {
    item: 1,
    severity: 'warning',
    title: 'Tool has no description',
    why: 'The model has to guess what the tool does and when to call it.',
    narrow: 'Add a sentence that says what it does and which arguments it takes.',
  },
  BLURRED: {
    item: 1,
    severity: 'warning',
    title: 'Tool is hard to distinguish from another tool',
    why: 'A model that cannot distinguish two tools calls the wrong one.',
    narrow: 'State the difference in their names and descriptions, or merge them into one tool.',
  },
} as const satisfies Record<string, Kind>

interface Described {
  readonly server: string | undefined
  readonly name: string
  readonly key: string
  readonly words: ReadonlySet<string>
}

/** Synonyms at the beginning of a name. */
const SYNONYMS: Readonly<Record<string, string>> = {
  fetch: 'get',
  retrieve: 'get',
  read: 'get',
  show: 'get',
  view: 'get',
  find: 'search',
  lookup: 'search',
  remove: 'delete',
  destroy: 'delete',
  add: 'create',
  new: 'create',
  make: 'create',
  edit: 'update',
  modify: 'update',
  change: 'update',
  enumerate: 'list',
}
const FILLERS = new Set('a an the of to in on for and or by with from is it its this that be as at'.split(' '))
const MIN_SIMILARITY = 0.8
const MIN_WORDS = 4
const MAX_WORDS = 80
/** Limit for the pairwise comparison. */
const MAX_TOOLS = 1_500

const described: Rule<'NO_DESCRIPTION'> = ofEachTool(({ description }, say) => {
  if (sanitize(description).length < 3) say('NO_DESCRIPTION', 'its description is empty')
})

const blurred: Rule<'BLURRED'> = ({ tools }, neighbours) => {
  const common = sentencesOfMany(tools)
  const own = tools.map(({ name, description }) => describedAs(undefined, name, description, common))
  const all = [...own, ...neighbours.flatMap(neighboursOf)].slice(0, MAX_TOOLS)
  return own.flatMap((tool, at) => {
    const other = all.slice(at + 1).find(each => each.name !== tool.name && isAlike(tool, each))
    if (!other) return []
    const whose = other.server === undefined ? '' : ` of ${quoted(other.server, 60)}`
    const message = `its name or description hardly differs from ${quoted(other.name, 80)}${whose}`
    return [{ code: 'BLURRED', tool: sanitize(tool.name, 80), message }]
  })
}

export const descriptions: Rule<keyof typeof KINDS> = (surface, neighbours) => [
  ...described(surface, neighbours),
  ...blurred(surface, neighbours),
]

function neighboursOf({ server, tools }: Neighbour): Described[] {
  return tools.map(({ name, description }) => describedAs(server, name, description))
}

function sentencesIn(description: string): string[] {
  return description.slice(0, 5_000).split(/(?<=[.!?;])\s+|\n+/)
}

/** Sentences that several tools share. They do not distinguish any of them. */
function sentencesOfMany(tools: readonly { readonly description: string }[]): ReadonlySet<string> {
  const counts = new Map<string, number>()
  for (const { description } of tools)
    for (const sentence of new Set(sentencesIn(description))) counts.set(sentence, (counts.get(sentence) ?? 0) + 1)
  return new Set([...counts].filter(([, count]) => count > 2).map(([sentence]) => sentence))
}

function describedAs(
  server: string | undefined,
  name: string,
  description: string,
  common: ReadonlySet<string> = new Set(),
): Described {
  const named = wordsOf(name).map(singular)
  // Warnings are required at the end of many descriptions, so they do not distinguish tools.
  const sentences = sentencesIn(description).filter(sentence => !warns(sentence))
  const telling = sentences.filter(sentence => !common.has(sentence))
  // If nothing else remains, compare what is left.
  const own = (telling.length > 0 ? telling : sentences).join(' ')
  const words = own.toLowerCase().split(/[^\p{L}\p{N}]+/u)
  const kept = words.filter(word => word !== '' && !FILLERS.has(word)).slice(0, MAX_WORDS)
  const key = named.map(word => SYNONYMS[word] ?? word).join(' ')
  return { server, name, key, words: new Set(kept.map(singular)) }
}

function isAlike(one: Described, other: Described): boolean {
  if (one.key === other.key && one.key !== '') return true
  // Opposites such as enableUser and disableUser share all words but one.
  const [effect, otherEffect] = [effectByName(one.name), effectByName(other.name)]
  if (effect && otherEffect && effect !== otherEffect) return false
  const [few, many] = one.words.size < other.words.size ? [one.words, other.words] : [other.words, one.words]
  if (few.size < MIN_WORDS || few.size / many.size < MIN_SIMILARITY) return false
  let shared = 0
  for (const word of few) if (many.has(word)) shared += 1
  return shared / (few.size + many.size - shared) >= MIN_SIMILARITY
}
