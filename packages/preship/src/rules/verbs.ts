import type { Tool } from '../surface.ts'
import { wordsOf } from './words.ts'

/** The effect of a tool according to its words. `releases`: sends or publishes something that cannot be taken back. */
export type Effect = 'reads' | 'writes' | 'releases' | 'deletes' | 'runs'

/** How messages describe an effect. */
export const EFFECT_TEXT: Readonly<Record<Effect, string>> = {
  reads: 'reads something',
  writes: 'writes something',
  releases: 'sends or publishes something',
  deletes: 'deletes something',
  runs: 'runs something',
}

const setOf = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/))

const VERBS: Readonly<Record<Effect, ReadonlySet<string>>> = {
  reads: setOf(`get list read search find describe show view count check preview validate lookup fetch query browse
    download export compare diff ping summarize summarise analyze analyse inspect retrieve return look explain verify
    monitor watch calculate compute convert resolve scan`),
  writes: setOf(`create add insert update edit modify set write put patch upsert append rename move upload import save
    assign unassign close reopen enable start stop restart cancel mark schedule register invite sync replace apply commit
    push merge change toggle attach detach link unlink copy duplicate restore unarchive approve reject
    grant unlock unblock suspend unpin rollback revert provision disconnect unsubscribe dequeue reboot unmute untag
    reassign rotate`),
  /** Cannot be taken back. */
  releases: setOf(`send publish tweet broadcast announce email reply notify pay transfer refund charge purchase buy
    submit deploy release post forward withdraw rollout dispatch`),
  deletes: setOf(`delete remove destroy drop purge wipe erase truncate revoke uninstall terminate kill unpublish
    deactivate disable rm overwrite clear reset prune cleanup expire ban discard deprovision shred`),
  runs: setOf('execute exec run invoke eval evaluate call request'),
}

/** Verbs at the beginning of a sentence. In a name, they may be nouns: `blockHeight`, `tagInfo`. */
const VERBS_IN_SENTENCES = setOf(`archive block lock book sign vote tag label flag pin claim trigger consume pop empty
  trash place accept flush pause resume install`)

/** Words that are used as nouns as often as verbs: `emailSearch`, `listPosts`, `orderHistory`. */
const ALSO_NOUNS = setOf(`post email reply charge transfer release run call request query look link copy purchase refund
  schedule patch export import download drop ban watch check forward view upload change count commit`)

/**
 * The effect according to the first verb in the name. Words that are also nouns count only if there is no other verb.
 */
export function effectByName(name: string): Effect | undefined {
  const words = wordsOf(name)
  const verb =
    words.find(word => !ALSO_NOUNS.has(word) && effectOf(word)) ?? (words[0] && effectOf(words[0]) && words[0])
  if (verb) return effectOf(verb)
  // For example `slack_post_message`, with the service first.
  return words[1] === 'post' && words.length > 2 ? 'releases' : undefined
}

/** The effect according to the verb at the beginning of the description. */
export function effectByDescription(description: string): Effect | undefined {
  const text = description.trimStart().slice(0, 80)
  const [first = ''] = wordsOf(
    text.replace(/^(?:this|the) (?:tool|function|endpoint)(?: will| can| is used to|'ll)? /i, ''),
  )
  const stems = [
    first,
    first.replace(/s$/, ''),
    first.replace(/es$/, ''),
    first.replace(/ies$/, 'y'),
    first.replace(/ing$/, ''),
    first.replace(/ing$/, 'e'),
  ]
  const effect = stems.map(effectOf).find(each => each !== undefined)
  return effect ?? (stems.some(stem => VERBS_IN_SENTENCES.has(stem)) ? 'writes' : undefined)
}

/**
 * A further effect that the description mentions later, as in “Reads a ticket and deletes it”. Only deleting and
 * releasing count.
 */
export function incidentalEffect(description: string): Effect | undefined {
  for (const [, word = ''] of description.slice(0, 2_000).matchAll(/\b(?:and|then|also) (?:\w+ly )?([a-z]+s)\b/gi)) {
    const stems = [word.replace(/s$/i, ''), word.replace(/es$/i, '')].map(stem => stem.toLowerCase())
    const effect = stems
      .filter(stem => !ALSO_NOUNS.has(stem))
      .map(effectOf)
      .find(each => each !== undefined)
    if (effect === 'deletes' || effect === 'releases') return effect
  }
  return undefined
}

/**
 * The more severe effect of name and description. A name that says “read” is believed unless the description says
 * “delete”.
 */
export function effectOfTool({ name, description }: Tool): Effect | undefined {
  const named = effectByName(name)
  const described = effectByDescription(description)
  if (described === 'deletes' || named === undefined) return described ?? named
  if (named === 'reads' || described === undefined || described === 'reads') return named
  return SEVERITY_ORDER.indexOf(named) >= SEVERITY_ORDER.indexOf(described) ? named : described
}

const SEVERITY_ORDER: readonly Effect[] = ['reads', 'runs', 'writes', 'releases', 'deletes']

function effectOf(word: string): Effect | undefined {
  return (Object.keys(VERBS) as Effect[]).find(effect => VERBS[effect].has(word))
}

/** Whether a description warns the model. */
export function warns(description: string): boolean {
  return /\b(?:warning|caution|danger(?:ous)?|destructive|irreversibl[ey]|permanent(?:ly)?|write operation|be careful|with care)\b|\b(?:can ?not|can.t|not) be (?:undone|reversed|recovered)|\b(?:confirm|approv\w+|consent|permission|check) (?:with|from|by|of) (?:the |a )?(?:user|human|person|customer)|\bask (?:the |a )?(?:user|human|person)|\b(?:user|human)(?:.s)? (?:approval|confirmation|consent|permission|must (?:confirm|approve))|\boverwrit/i.test(
    description.slice(0, 20_000),
  )
}
