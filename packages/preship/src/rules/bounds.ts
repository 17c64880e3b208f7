import type { Kind } from '../finding.ts'
import { fieldsOf, type JsonObject, objectOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isBounded, textForms } from './strings.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  UNBOUNDED_STRING: {
    item: 1,
    severity: 'warning',
    title: 'takes text of any length',
    why: 'Long texts carry more than was meant: whole programs, whole files, whatever the model has read.',
    narrow: 'maxLength, an enum, a format, or a pattern that ends; and the same check in the handler.',
  },
  UNBOUNDED_LIST: {
    item: 1,
    severity: 'warning',
    title: 'takes a list of any length',
    why: 'One call does what was meant to be many: everything is read, changed or written to at once.',
    narrow: 'maxItems; or one thing a call.',
  },
  UNBOUNDED_NUMBER: {
    item: 1,
    severity: 'note',
    title: 'takes a number that says how much, without a maximum',
    why: 'A caller may ask for everything at once.',
    narrow: 'A maximum that is as small as the use allows.',
  },
} as const satisfies Record<string, Kind>

const AMOUNTS = new Set('limit size count top max first last take amount quantity depth length result row'.split(' '))
const AMOUNT_WORDS = new Set([
  'n',
  'limit',
  'pagesize',
  'perpage',
  'maxresult',
  'maxresults',
  'topk',
  'topn',
  'k',
  'batchsize',
])

export const bounds: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  for (const field of fieldsOf(tool)) {
    if (textForms(field).some(form => !isBounded(form)))
      say('UNBOUNDED_STRING', 'its length has no limit, or none that keeps anything out', field.path)
    if (field.forms.some(isOpenList))
      say('UNBOUNDED_LIST', 'its length has no limit, or none that keeps anything out', field.path)
    if (saysHowMuch(field.name) && field.forms.some(isOpenNumber))
      say('UNBOUNDED_NUMBER', 'it has no maximum', field.path)
  }
})

/** A list that may be longer than this is bounded in name only. */
const MOST_ENTRIES = 100_000

function isOpenList({ type, maxItems, items, prefixItems, additionalItems, uniqueItems }: JsonObject): boolean {
  if (type !== 'array' || (typeof maxItems === 'number' && maxItems <= MOST_ENTRIES)) return false
  if (Array.isArray(items) ? additionalItems === false : items === false && Array.isArray(prefixItems)) return false
  // Each of a closed list at most once.
  return !(uniqueItems === true && Array.isArray(objectOf(items).enum))
}

function isOpenNumber({ type, maximum, exclusiveMaximum, enum: choice, const: constant }: JsonObject): boolean {
  if (type !== 'number' && type !== 'integer') return false
  if (Array.isArray(choice) || constant !== undefined) return false
  const most = Number(maximum ?? exclusiveMaximum ?? Number.POSITIVE_INFINITY)
  return most >= Number.MAX_SAFE_INTEGER
}

function saysHowMuch(name: string): boolean {
  const { words, head } = namedBy(name)
  // `issue_number` says which one.
  const isNumberOf = head === 'number' ? words.length === 1 : words[0] === 'number' && words[1] === 'of'
  return isNumberOf || AMOUNTS.has(head) || AMOUNT_WORDS.has(words.join('')) || (words[0] === 'max' && words.length > 1)
}
