import type { Kind } from '../finding.ts'
import { type Field, fieldsOf, listOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { textForms } from './strings.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  PASS_THROUGH_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Caller controls part of a backend request',
    why: 'A caller that chooses the method, endpoint or headers can use the whole backend API with the server’s credential, not just one operation.',
    narrow: 'Provide one tool for each operation, and fix its method, endpoint and headers in the server.',
  },
  SECRET_INPUT: {
    item: 4,
    severity: 'warning',
    title: 'Tool accepts a secret from the model',
    why: 'Secrets in a conversation can be extracted by prompt injection and end up in logs. A caller can also supply any credential that it has.',
    narrow: 'Read one credential of the server’s own from its environment, and take no credentials as arguments.',
  },
} as const satisfies Record<string, Kind>

const HTTP_METHODS = new Set(['get', 'post', 'put', 'patch', 'delete', 'head', 'options'])
const ENDPOINTS = new Set(['endpoint', 'apipath', 'route'])
const SECRETS = new Set('password passwd passphrase secret apikey authorization credential cookie'.split(' '))
const PUBLIC_TOKENS = new Set(
  'page next continuation cursor max min cancel sync resume count limit start previous prev'.split(' '),
)

export const passThrough: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  for (const field of fieldsOf(tool)) {
    const { words, head } = namedBy(field.name)
    const isText = textForms(field).length > 0
    const isOpen = field.forms.some(
      form => form.type !== 'boolean' && !Array.isArray(form.enum) && form.const === undefined,
    )
    if (
      head === 'header' &&
      isOpen &&
      /s$/i.test(field.name) &&
      !/(?:^|[_-])columns?/i.test(field.name) &&
      words.length <= 2
    )
      say('PASS_THROUGH_INPUT', 'it contains request headers', field.path)
    else if (isMethod(field, head)) say('PASS_THROUGH_INPUT', 'it selects the method of a request', field.path)
    else if ((ENDPOINTS.has(head) || (words.includes('api') && head === 'path')) && isText)
      say('PASS_THROUGH_INPUT', 'it selects the endpoint of a request', field.path)
    else if (isText && isSecret(words, head)) say('SECRET_INPUT', 'its name suggests a secret', field.path)
  }
})

function isMethod({ forms, schema }: Field, head: string): boolean {
  const choices = forms.flatMap(form => listOf(form.enum)).map(choice => String(choice).toLowerCase())
  const methods = choices.filter(choice => HTTP_METHODS.has(choice))
  if (methods.length >= 2 && methods.some(method => method !== 'get' && method !== 'head'))
    return methods.length === choices.length
  return head === 'method' && choices.length === 0 && /\bhttp\b/i.test(String(schema.description).slice(0, 500))
}

function isSecret(words: readonly string[], head: string): boolean {
  if (SECRETS.has(head)) return true
  if (head === 'key') return ['api', 'access', 'private', 'secret', 'signing', 'ssh'].some(word => words.includes(word))
  return head === 'token' && !words.some(word => PUBLIC_TOKENS.has(word))
}
