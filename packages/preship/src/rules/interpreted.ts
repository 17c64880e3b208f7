import type { Kind } from '../finding.ts'
import type { Field, Tool } from '../surface.ts'
import { fieldsOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isIdentifier, textForms } from './strings.ts'
import { doingByName, doingOfTool } from './verbs.ts'
import { namedBy, proseOf, wordsOf } from './words.ts'

export const KINDS = {
  SQL_INPUT: {
    item: 1,
    severity: 'error',
    title: 'takes SQL',
    why: 'Whoever can talk to the model can read, change and delete whatever the database account can.',
    narrow: 'One tool for each question that is asked: findCustomerByEmail(email), not executeSql(sql).',
  },
  COMMAND_INPUT: {
    item: 1,
    severity: 'error',
    title: 'takes a command',
    why: 'Whoever can talk to the model has a shell on the machine, with all that this account may do.',
    narrow: 'A named tool for each command, its arguments from closed lists, started without a shell.',
  },
  CODE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'takes code to run',
    why: 'What a program of somebody else’s does cannot be foreseen, and a sandbox is only as tight as its walls.',
    narrow: 'Tools for the things that the code was meant to do; or a sandbox without network, files and secrets.',
  },
  QUERY_LANGUAGE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'takes a query or filter language',
    why: 'A language reaches everything that it can name: other people’s records, whole exports, endless evaluation.',
    narrow: 'A field for each thing to filter by: status from a list, assignee as an id, dates as dates.',
  },
  FILTER_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'takes a filter as text',
    why: 'If something interprets this text as a language, it reaches more than the name of the tool says.',
    narrow: 'A field for each thing to filter by; or say in the description that it is matched as plain text.',
  },
  SEARCH_TEXT: {
    item: 1,
    severity: 'note',
    title: 'takes words to search for',
    why: 'Harmless if they are matched as words; if the backend knows operators in them, they are a language.',
    narrow: 'Quote or escape what the backend would interpret.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof KINDS

const LANGUAGES =
  /\b(?:jql|cql|graphql|odata|soql|sosl|kql|spl|promql|logql|lucene|cypher|sparql|xpath|xquery|jsonpath|jmespath|jq|mongo(?:db)? (?:query|filter|pipeline)|aggregation pipeline|query dsl|elasticsearch query|(?:query|search|filter)(?: \w+)? (?:syntax|language|operators)|regex(?:es|p)?|regular expressions?|datalog|gremlin)\b/
/** What a language is only named for: a cursor of a GraphQL API is no query. */
const OF_LANGUAGE = /\b(?:graphql|odata) (?:cursors?|(?:global |node )?ids?|api|endpoint|server|type)\b/g
const LANGUAGE_NAMES = new Set(
  'jql cql graphql gql odata soql sosl kql spl promql logql lucene cypher sparql xpath xquery jsonpath jmespath jq regex regexp datalog gremlin dsl'.split(
    ' ',
  ),
)
const QUERY_HEADS = new Set(['query', 'statement', 'where', 'filter', 'expression', 'condition', 'criterion', 'clause'])
const FILTER_HEADS = new Set(
  'filter where condition criteria criterion expression predicate clause pattern glob selector'.split(' '),
)
const SEARCH_HEADS = new Set(['query', 'q', 'search', 'keyword', 'term', 'phrase'])
const COMMAND_HEADS = new Set(['command', 'cmd', 'shell', 'bash', 'powershell', 'cmdline', 'commandline', 'argv'])
const CODE_HEADS = new Set(['javascript', 'python', 'typescript', 'js', 'wasm', 'lambda', 'sourcecode', 'eval'])
const MAYBE_CODE_HEADS = new Set([
  'code',
  'script',
  'snippet',
  'function',
  'source',
  'program',
  'expression',
  'body',
  'macro',
])
const CODE_MODIFIERS = new Set(
  'source js javascript python py typescript ts lua ruby php perl r program executable'.split(' '),
)
/** What is said of a text that will be run. */
const RUNS =
  /\b(?:execut|evaluat|interpret|sandbox|run(?:s|ning)? (?:\w+ ){0,4}(?:code|script|snippet|program|javascript|python))/
const LANGUAGE_OF_CODE = /\b(?:javascript|python|typescript|lua|ruby|php|perl|bash|node\.js|applescript|powershell)\b/
const PLAIN =
  /\b(?:plain text|free text|keywords?|exact(?:ly)?|substring|case-insensitive|words? to (?:look|search)|natural language)\b/

export const interpreted: Rule<Code> = ofEachTool((tool, say) => {
  const about = proseOf(wordsOf(tool.name).join(' '), tool.description)
  for (const field of fieldsOf(tool)) {
    // A language as a tree of objects is a language, too; what is a choice or an identifier is none.
    const open = textForms(field).filter(form => !isIdentifier(form))
    const said = proseOf(field.schema.description, field.schema.title).replace(OF_LANGUAGE, '')
    if (open.length > 0) judgeText(tool, field, about, said, (code, message) => say(code, message, field.path))
    else if (/\b(?:mongo(?:db)?|query dsl|elasticsearch|aggregation pipeline)\b/.test(said) && isTree(field))
      say('QUERY_LANGUAGE_INPUT', 'its description says that it holds a query', field.path)
  }
})

function judgeText(
  tool: Tool,
  { name, forms }: Field,
  about: string,
  said: string,
  say: (code: Code, message: string) => void,
): void {
  const { words, head } = namedBy(name)
  const both = `${about}\n${said}`
  const hasWord = (set: ReadonlySet<string>): boolean => words.some(word => set.has(word))
  if (head === 'sql' || (words.includes('sql') && QUERY_HEADS.has(head)))
    say('SQL_INPUT', `its name is ${head === 'sql' ? '' : 'that of '}SQL`)
  else if (QUERY_HEADS.has(head) && /\bsql\b|\bselect (?:statement|\*)/.test(both) && !/\bsql\b/.test(negated(both)))
    say('SQL_INPUT', 'the description speaks of SQL')
  else if (/\b(?:sql|postgres(?:ql)?|mysql|sqlite|bigquery) (?:query|statement|command|expression)/.test(said))
    say('SQL_INPUT', 'its description says that it holds SQL')
  else if (COMMAND_HEADS.has(head)) say('COMMAND_INPUT', 'its name is that of a command')
  else if (
    /\b(?:shell|bash|terminal|command[- ]line|cli) (?:command|arguments|script)|\bcommand to (?:run|execute)\b/.test(
      said,
    )
  )
    say('COMMAND_INPUT', 'its description says that it holds a command')
  else if (
    /^(?:arg|argument)$/.test(head) &&
    /\b(?:shell|terminal|command|process|binary|executable)\b/.test(both) &&
    doingByName(tool.name) === 'runs'
  )
    say('COMMAND_INPUT', 'it holds the arguments of a command')
  else if (CODE_HEADS.has(head) || (MAYBE_CODE_HEADS.has(head) && hasWord(CODE_MODIFIERS) && RUNS.test(both)))
    say('CODE_INPUT', 'its name is that of code')
  else if (MAYBE_CODE_HEADS.has(head) && saysItIsRun(head, both, said))
    say('CODE_INPUT', 'the description says that it is run')
  else if (hasWord(LANGUAGE_NAMES) && (LANGUAGE_NAMES.has(head) || QUERY_HEADS.has(head) || head === 'string'))
    say('QUERY_LANGUAGE_INPUT', 'its name is that of a language')
  else if (forms.some(({ format }) => format === 'regex'))
    say('QUERY_LANGUAGE_INPUT', 'its format is that of a regular expression')
  else if (LANGUAGES.test(said) || ((QUERY_HEADS.has(head) || SEARCH_HEADS.has(head)) && LANGUAGES.test(about)))
    say('QUERY_LANGUAGE_INPUT', 'the description names a language')
  else if (FILTER_HEADS.has(head)) say('FILTER_TEXT', 'it is text that selects')
  else if (SEARCH_HEADS.has(head) && !PLAIN.test(said)) {
    const doing = head === 'query' || head === 'q' ? doingByName(tool.name) : doingOfTool(tool)
    const isSearch = doing === 'reads' && !/\bquery\b/.test(wordsOf(tool.name).join(' '))
    if (isSearch) say('SEARCH_TEXT', 'it is text that a search takes')
    else say('FILTER_TEXT', 'it is text that selects, and nothing says how it is read')
  }
}

/** `code` is a country’s or an error’s as often as a program’s. */
function saysItIsRun(head: string, both: string, said: string): boolean {
  if (head === 'body' || head === 'source' || head === 'program') return LANGUAGE_OF_CODE.test(said) && RUNS.test(both)
  if (head === 'expression') return LANGUAGE_OF_CODE.test(said)
  return RUNS.test(both) || LANGUAGE_OF_CODE.test(said)
}

/** What of a description is about what a tool does not take. */
function negated(text: string): string {
  return [...text.matchAll(/\b(?:no|not|never|without|rather than|instead of)\b[^.\n]{0,40}/g)].join('\n')
}

function isTree({ forms }: Field): boolean {
  return forms.some(({ type }) => type === 'object' || type === 'array')
}
