import type { Kind } from '../finding.ts'
import { fieldsOf, type Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isIdentifier, textForms } from './strings.ts'
import { effectByDescription, effectByName } from './verbs.ts'
import { namedBy, proseOf, wordsOf } from './words.ts'

export const KINDS = {
  PUBLISHED_TEXT: {
    item: 1,
    severity: 'error',
    title: 'Tool publishes text that the model writes',
    why: 'A prompt injection can have an attacker’s text published under your name.',
    narrow: 'Publish something that a person has already written, referenced by id or name: publishDraft(filename).',
  },
  SENT_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'Tool sends text that the model writes',
    why: 'A prompt injection can send an attacker’s text, or data that the model has read, from your account (data exfiltration).',
    narrow:
      'Save a draft that a person sends, or restrict the tool to fixed recipients and a template with a few fields.',
  },
} as const satisfies Record<string, Kind>

const BODIES = new Set('body content text message html markdown article caption tweet comment post md'.split(' '))
const PUBLISHES = new Set(['publish', 'tweet', 'broadcast', 'announce', 'post'])
const SENDS = new Set(['send', 'reply', 'email', 'forward', 'notify', 'submit'])
/** Words for messages to colleagues or chat members rather than the public. */
const INTERNAL = new Set('message comment reply chat slack channel thread email mail note review'.split(' '))

export const publishedText: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const reach = reachOf(tool)
  if (!reach) return
  for (const field of fieldsOf(tool)) {
    if (!BODIES.has(namedBy(field.name).head)) continue
    if (textForms(field).every(isIdentifier)) continue
    if (reach === 'public') say('PUBLISHED_TEXT', 'it is free text that the tool publishes', field.path)
    else say('SENT_TEXT', 'it is free text that the tool sends', field.path)
  }
})

function reachOf({ name, description }: Tool): 'public' | 'sent' | undefined {
  const words = wordsOf(name)
  const effect = effectByName(name)
  if (effect === 'reads' || effect === 'deletes') return undefined
  const isInternal = words.some(word => INTERNAL.has(word))
  if (words.some(word => PUBLISHES.has(word)) && effect === 'releases') return isInternal ? 'sent' : 'public'
  if (words.some(word => SENDS.has(word)) && effect === 'releases') return 'sent'
  const said = proseOf(description.slice(0, 400))
  const isPublic =
    /(?<!\b(?:not|never|no|without|un)[ -](?:\w+ )?)\b(?:publish(?:es)?\b(?! ?ed)|goes live|make(?:s)? (?:it )?public)/.test(
      said,
    )
  if (isPublic && !isInternal && (effect === 'writes' || effect === 'releases')) return 'public'
  if (effect === undefined && effectByDescription(description) === 'releases') return 'sent'
  return undefined
}
