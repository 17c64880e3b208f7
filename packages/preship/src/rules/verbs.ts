import type { Tool } from '../surface.ts'
import { wordsOf } from './words.ts'

/** What a tool does to the world, as far as its words tell. */
export type Doing = 'reads' | 'writes' | 'releases' | 'deletes' | 'runs'

const setOf = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/))

const VERBS: Readonly<Record<Doing, ReadonlySet<string>>> = {
  reads: setOf(`get list read search find describe show view count check preview validate lookup fetch query browse
    download export compare diff ping summarize summarise analyze analyse inspect retrieve return look explain verify
    monitor watch calculate compute convert resolve scan`),
  writes: setOf(`create add insert update edit modify set write put patch upsert append rename move upload import save
    assign unassign close reopen enable start stop restart cancel mark schedule register invite sync replace apply commit
    push merge change toggle attach detach link unlink copy duplicate restore unarchive approve reject
    grant unlock unblock suspend unpin rollback revert provision disconnect unsubscribe dequeue reboot unmute untag
    reassign rotate`),
  /** Gone out into the world: nobody can take it back. */
  releases: setOf(`send publish tweet broadcast announce email reply notify pay transfer refund charge purchase buy
    submit deploy release post forward withdraw rollout dispatch`),
  deletes: setOf(`delete remove destroy drop purge wipe erase truncate revoke uninstall terminate kill unpublish
    deactivate disable rm overwrite clear reset prune cleanup expire ban discard deprovision shred`),
  runs: setOf('execute exec run invoke eval evaluate call request'),
}

/** At the beginning of a sentence these are deeds; of a name, they may as well be things: `blockHeight`, `tagInfo`. */
const DEEDS_IN_SENTENCES = setOf(`archive block lock book sign vote tag label flag pin claim trigger consume pop empty
  trash place accept flush pause resume install`)

/** Words that are as often a thing as a deed: `emailSearch`, `listPosts`, `orderHistory`. */
const ALSO_NOUNS = setOf(`post email reply charge transfer release run call request query look link copy purchase refund
  schedule patch export import download drop ban watch check forward view upload change count commit`)

/** What a tool does by its name: its first verb. Words that are also nouns count where no other verb stands. */
export function doingByName(name: string): Doing | undefined {
  const words = wordsOf(name)
  const verb = words.find(word => !ALSO_NOUNS.has(word) && doingOf(word)) ?? (words[0] && doingOf(words[0]) && words[0])
  if (verb) return doingOf(verb)
  // `slack_post_message`: the server's name first.
  return words[1] === 'post' && words.length > 2 ? 'releases' : undefined
}

/** What it does by its description: the verb that this begins with. */
export function doingByDescription(description: string): Doing | undefined {
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
  const doing = stems.map(doingOf).find(each => each !== undefined)
  return doing ?? (stems.some(stem => DEEDS_IN_SENTENCES.has(stem)) ? 'writes' : undefined)
}

/** What else it does, as in “Reads a ticket and deletes it”: in passing, where somebody may not read to. */
export function doingInPassing(description: string): Doing | undefined {
  for (const [, word = ''] of description.slice(0, 2_000).matchAll(/\b(?:and|then|also) (?:\w+ly )?([a-z]+s)\b/gi)) {
    const stems = [word.replace(/s$/i, ''), word.replace(/es$/i, '')].map(stem => stem.toLowerCase())
    const doing = stems
      .filter(stem => !ALSO_NOUNS.has(stem))
      .map(doingOf)
      .find(each => each !== undefined)
    if (doing === 'deletes' || doing === 'releases') return doing
  }
  return undefined
}

/** The graver of what name and description say; a name that reads is believed unless the description deletes. */
export function doingOfTool({ name, description }: Tool): Doing | undefined {
  const named = doingByName(name)
  const described = doingByDescription(description)
  if (described === 'deletes' || named === undefined) return described ?? named
  if (named === 'reads' || described === undefined || described === 'reads') return named
  return GRAVITY.indexOf(named) >= GRAVITY.indexOf(described) ? named : described
}

const GRAVITY: readonly Doing[] = ['reads', 'runs', 'writes', 'releases', 'deletes']

function doingOf(word: string): Doing | undefined {
  return (Object.keys(VERBS) as Doing[]).find(doing => VERBS[doing].has(word))
}

/** Whether a description tells the model to be careful. */
export function warns(description: string): boolean {
  return /\b(?:warning|caution|danger(?:ous)?|destructive|irreversibl[ey]|permanent(?:ly)?|write operation|be careful|with care)\b|\b(?:can ?not|can.t|not) be (?:undone|reversed|recovered)|\b(?:confirm|approv\w+|consent|permission|check) (?:with|from|by|of) (?:the |a )?(?:user|human|person|customer)|\bask (?:the |a )?(?:user|human|person)|\b(?:user|human)(?:.s)? (?:approval|confirmation|consent|permission|must (?:confirm|approve))|\boverwrit/i.test(
    description.slice(0, 20_000),
  )
}
