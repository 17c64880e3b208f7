import type { Kind } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { type Neighbour, ofEachTool, quoted, type Rule } from './rule.ts'
import { doingByName, warns } from './verbs.ts'
import { singular, wordsOf } from './words.ts'

export const KINDS = {
  NO_DESCRIPTION: {
    item: 1,
    severity: 'warning',
    title: 'has no description',
    why: 'A model guesses what it does, and when to call it.',
    narrow: 'A sentence: what it does, and what it takes.',
  },
  BLURRED: {
    item: 1,
    severity: 'warning',
    title: 'can be taken for another tool',
    why: 'A model that cannot tell two tools apart calls the wrong one.',
    narrow: 'Names and descriptions that say in which way they differ; or one tool.',
  },
} as const satisfies Record<string, Kind>

interface Described {
  readonly server: string | undefined
  readonly name: string
  readonly key: string
  readonly words: ReadonlySet<string>
}

/** Words that mean the same at the beginning of a name. */
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
const SIMILAR = 0.8
const FEWEST_WORDS = 4
const MOST_WORDS = 80
/** Each is compared with each. */
const MOST_TOOLS = 1_500

const described: Rule<'NO_DESCRIPTION'> = ofEachTool(({ description }, say) => {
  if (plain(description).length < 3) say('NO_DESCRIPTION', 'its description is empty')
})

const blurred: Rule<'BLURRED'> = ({ tools }, neighbours) => {
  const common = sentencesOfMany(tools)
  const own = tools.map(({ name, description }) => describedAs(undefined, name, description, common))
  const all = [...own, ...neighbours.flatMap(neighboursOf)].slice(0, MOST_TOOLS)
  return own.flatMap((tool, at) => {
    const other = all.slice(at + 1).find(each => each.name !== tool.name && isAlike(tool, each))
    if (!other) return []
    const whose = other.server === undefined ? '' : ` of ${quoted(other.server, 60)}`
    const message = `it is hardly to be told from ${quoted(other.name, 80)}${whose}`
    return [{ code: 'BLURRED', tool: plain(tool.name, 80), message }]
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

/** What many tools of a server say tells nothing of any of them. */
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
  // What every tool of a server is told to end with tells nothing of it.
  const sentences = sentencesIn(description).filter(sentence => !warns(sentence))
  const telling = sentences.filter(sentence => !common.has(sentence))
  // Where that is all it says, it is the tool that tells nothing.
  const own = (telling.length > 0 ? telling : sentences).join(' ')
  const words = own.toLowerCase().split(/[^\p{L}\p{N}]+/u)
  const kept = words.filter(word => word !== '' && !FILLERS.has(word)).slice(0, MOST_WORDS)
  const key = named.map(word => SYNONYMS[word] ?? word).join(' ')
  return { server, name, key, words: new Set(kept.map(singular)) }
}

function isAlike(one: Described, other: Described): boolean {
  if (one.key === other.key && one.key !== '') return true
  // Opposites in a family share all their words but one: enableUser, disableUser.
  const [doing, otherDoing] = [doingByName(one.name), doingByName(other.name)]
  if (doing && otherDoing && doing !== otherDoing) return false
  const [few, many] = one.words.size < other.words.size ? [one.words, other.words] : [other.words, one.words]
  if (few.size < FEWEST_WORDS || few.size / many.size < SIMILAR) return false
  let shared = 0
  for (const word of few) if (many.has(word)) shared += 1
  return shared / (few.size + many.size - shared) >= SIMILAR
}
