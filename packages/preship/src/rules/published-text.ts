import type { Kind } from '../finding.ts'
import { fieldsOf, type Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isIdentifier, textForms } from './strings.ts'
import { doingByDescription, doingByName } from './verbs.ts'
import { namedBy, proseOf, wordsOf } from './words.ts'

export const KINDS = {
  PUBLISHED_TEXT: {
    item: 1,
    severity: 'error',
    title: 'publishes what the model writes',
    why: 'Whoever deceives the model has words of theirs published under your name.',
    narrow: 'Publish what a person has already written, by its id or name: publishDraft(filename).',
  },
  SENT_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'sends what the model writes',
    why: 'Whoever deceives the model has words of theirs, or what the model has read, sent from your account.',
    narrow: 'A draft that a person sends; or fixed recipients and a fixed text with few blanks.',
  },
} as const satisfies Record<string, Kind>

const BODIES = new Set('body content text message html markdown article caption tweet comment post md'.split(' '))
const PUBLISHES = new Set(['publish', 'tweet', 'broadcast', 'announce', 'post'])
const SENDS = new Set(['send', 'reply', 'email', 'forward', 'notify', 'submit'])
/** What is posted in front of colleagues rather than everybody. */
const INTERNAL = new Set('message comment reply chat slack channel thread email mail note review'.split(' '))

export const publishedText: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const reach = reachOf(tool)
  if (!reach) return
  for (const field of fieldsOf(tool)) {
    if (!BODIES.has(namedBy(field.name).head)) continue
    if (textForms(field).every(isIdentifier)) continue
    if (reach === 'public') say('PUBLISHED_TEXT', 'it is free text that is published', field.path)
    else say('SENT_TEXT', 'it is free text that is sent', field.path)
  }
})

function reachOf({ name, description }: Tool): 'public' | 'sent' | undefined {
  const words = wordsOf(name)
  const doing = doingByName(name)
  if (doing === 'reads' || doing === 'deletes') return undefined
  const isInternal = words.some(word => INTERNAL.has(word))
  if (words.some(word => PUBLISHES.has(word)) && doing === 'releases') return isInternal ? 'sent' : 'public'
  if (words.some(word => SENDS.has(word)) && doing === 'releases') return 'sent'
  const said = proseOf(description.slice(0, 400))
  const isPublic =
    /(?<!\b(?:not|never|no|without|un)[ -](?:\w+ )?)\b(?:publish(?:es)?\b(?! ?ed)|goes live|make(?:s)? (?:it )?public)/.test(
      said,
    )
  if (isPublic && !isInternal && (doing === 'writes' || doing === 'releases')) return 'public'
  if (doing === undefined && doingByDescription(description) === 'releases') return 'sent'
  return undefined
}
