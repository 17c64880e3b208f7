import type { Kind } from '../finding.ts'
import { fieldsOf, type JsonObject, objectOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isBounded, textForms } from './strings.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  UNBOUNDED_STRING: {
    item: 1,
    severity: 'warning',
    title: 'String has no maximum length',
    why: 'A caller can send far more than intended: whole programs, files, or everything that the model has read.',
    narrow: 'Add maxLength, an enum, a format or a bounded pattern, and enforce it in the handler.',
  },
  UNBOUNDED_LIST: {
    item: 1,
    severity: 'warning',
    title: 'List has no maximum length',
    why: 'One call can read, change or send everything at once.',
    narrow: 'Add maxItems, or take one item per call.',
  },
  UNBOUNDED_NUMBER: {
    item: 1,
    severity: 'note',
    title: 'Number that sets an amount has no maximum',
    why: 'A caller can request everything at once.',
    narrow: 'Add a maximum that is as low as the use allows.',
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
      say('UNBOUNDED_STRING', 'its length has no limit, or one that is too high', field.path)
    if (field.forms.some(isOpenList))
      say('UNBOUNDED_LIST', 'its length has no limit, or one that is too high', field.path)
    if (isAmount(field.name) && field.forms.some(isOpenNumber)) say('UNBOUNDED_NUMBER', 'it has no maximum', field.path)
  }
})

/** A higher limit does not count as a bound. */
const MAX_ENTRIES = 100_000

function isOpenList({ type, maxItems, items, prefixItems, additionalItems, uniqueItems }: JsonObject): boolean {
  if (type !== 'array' || (typeof maxItems === 'number' && maxItems <= MAX_ENTRIES)) return false
  if (Array.isArray(items) ? additionalItems === false : items === false && Array.isArray(prefixItems)) return false
  // Unique values of an enum bound the list as well.
  return !(uniqueItems === true && Array.isArray(objectOf(items).enum))
}

function isOpenNumber({ type, maximum, exclusiveMaximum, enum: choice, const: constant }: JsonObject): boolean {
  if (type !== 'number' && type !== 'integer') return false
  if (Array.isArray(choice) || constant !== undefined) return false
  const most = Number(maximum ?? exclusiveMaximum ?? Number.POSITIVE_INFINITY)
  return most >= Number.MAX_SAFE_INTEGER
}

function isAmount(name: string): boolean {
  const { words, head } = namedBy(name)
  // `issue_number` is an identifier, not an amount.
  const isNumberOf = head === 'number' ? words.length === 1 : words[0] === 'number' && words[1] === 'of'
  return isNumberOf || AMOUNTS.has(head) || AMOUNT_WORDS.has(words.join('')) || (words[0] === 'max' && words.length > 1)
}
