import type { Kind } from '../finding.ts'
import type { Field, Tool } from '../surface.ts'
import { fieldsOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { isIdentifier, textForms } from './strings.ts'
import { effectByName, effectOfTool } from './verbs.ts'
import { namedBy, proseOf, wordsOf } from './words.ts'

export const KINDS = {
  SQL_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts SQL',
    why: 'Anyone who can influence the model can read, change or delete everything that the database account can access.',
    narrow:
      'Provide one tool for each question, with typed arguments: findCustomerByEmail(email) instead of executeSql(sql).',
  },
  COMMAND_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts a command to run',
    why: 'Anyone who can influence the model can run programs on the server’s machine with the permissions of its account (command injection).',
    narrow:
      'Provide a named tool for each command, take arguments from closed lists, and start the program without a shell.',
  },
  CODE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts code to run',
    why: 'Anyone who can influence the model can run arbitrary code (remote code execution). A sandbox only limits the damage.',
    narrow:
      'Provide tools for the specific operations, or run the code in a sandbox without network, files or secrets.',
  },
  QUERY_LANGUAGE_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts a query or filter language',
    why: 'A query language reaches everything that it can name: other people’s records, full exports, expensive evaluations.',
    narrow: 'Provide one typed field for each criterion: status as an enum, assignee as an id, dates as dates.',
  },
  FILTER_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'Tool accepts a filter as free text',
    why: 'If the backend interprets the text as a query language, it can select more than the tool is meant for.',
    narrow:
      'Provide one typed field for each criterion, or state in the description that the text is matched literally.',
  },
  SEARCH_TEXT: {
    item: 1,
    severity: 'note',
    title: 'Tool accepts search text',
    why: 'Plain word search is harmless. If the backend supports search operators, the text is a query language.',
    narrow: 'Quote or escape everything that the backend would interpret as an operator.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof KINDS

const LANGUAGES =
  /\b(?:jql|cql|graphql|odata|soql|sosl|kql|spl|promql|logql|lucene|cypher|sparql|xpath|xquery|jsonpath|jmespath|jq|mongo(?:db)? (?:query|filter|pipeline)|aggregation pipeline|query dsl|elasticsearch query|(?:query|search|filter)(?: \w+)? (?:syntax|language|operators)|regex(?:es|p)?|regular expressions?|datalog|gremlin)\b/
/** Phrases that mention a language but do not take one, such as a cursor of a GraphQL API. */
const MENTIONS_LANGUAGE = /\b(?:graphql|odata) (?:cursors?|(?:global |node )?ids?|api|endpoint|server|type)\b/g
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
/** Phrases that say that a text is executed. */
const RUNS =
  /\b(?:execut|evaluat|interpret|sandbox|run(?:s|ning)? (?:\w+ ){0,4}(?:code|script|snippet|program|javascript|python))/
const LANGUAGE_OF_CODE = /\b(?:javascript|python|typescript|lua|ruby|php|perl|bash|node\.js|applescript|powershell)\b/
const PLAIN =
  /\b(?:plain text|free text|keywords?|exact(?:ly)?|substring|case-insensitive|words? to (?:look|search)|natural language)\b/

export const interpreted: Rule<Code> = ofEachTool((tool, say) => {
  const about = proseOf(wordsOf(tool.name).join(' '), tool.description)
  for (const field of fieldsOf(tool)) {
    // A query written as a tree of objects is a query language, too. Enums and identifiers are not.
    const open = textForms(field).filter(form => !isIdentifier(form))
    const said = proseOf(field.schema.description, field.schema.title).replace(MENTIONS_LANGUAGE, '')
    if (open.length > 0) judgeText(tool, field, about, said, (code, message) => say(code, message, field.path))
    else if (/\b(?:mongo(?:db)?|query dsl|elasticsearch|aggregation pipeline)\b/.test(said) && isTree(field))
      say('QUERY_LANGUAGE_INPUT', 'its description says that it contains a query', field.path)
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
    say('SQL_INPUT', head === 'sql' ? 'its name is SQL' : 'its name suggests SQL')
  else if (QUERY_HEADS.has(head) && /\bsql\b|\bselect (?:statement|\*)/.test(both) && !/\bsql\b/.test(negated(both)))
    say('SQL_INPUT', 'the description mentions SQL')
  else if (/\b(?:sql|postgres(?:ql)?|mysql|sqlite|bigquery) (?:query|statement|command|expression)/.test(said))
    say('SQL_INPUT', 'its description says that it contains SQL')
  else if (COMMAND_HEADS.has(head)) say('COMMAND_INPUT', 'its name suggests a command')
  else if (
    /\b(?:shell|bash|terminal|command[- ]line|cli) (?:command|arguments|script)|\bcommand to (?:run|execute)\b/.test(
      said,
    )
  )
    say('COMMAND_INPUT', 'its description says that it contains a command')
  else if (
    /^(?:arg|argument)$/.test(head) &&
    /\b(?:shell|terminal|command|process|binary|executable)\b/.test(both) &&
    effectByName(tool.name) === 'runs'
  )
    say('COMMAND_INPUT', 'it contains the arguments of a command')
  else if (CODE_HEADS.has(head) || (MAYBE_CODE_HEADS.has(head) && hasWord(CODE_MODIFIERS) && RUNS.test(both)))
    say('CODE_INPUT', 'its name suggests code')
  else if (MAYBE_CODE_HEADS.has(head) && isExecuted(head, both, said))
    say('CODE_INPUT', 'the description says that it is executed')
  else if (hasWord(LANGUAGE_NAMES) && (LANGUAGE_NAMES.has(head) || QUERY_HEADS.has(head) || head === 'string'))
    say('QUERY_LANGUAGE_INPUT', 'its name suggests a query language')
  else if (forms.some(({ format }) => format === 'regex'))
    say('QUERY_LANGUAGE_INPUT', 'its format is a regular expression')
  else if (LANGUAGES.test(said) || ((QUERY_HEADS.has(head) || SEARCH_HEADS.has(head)) && LANGUAGES.test(about)))
    say('QUERY_LANGUAGE_INPUT', 'the description mentions a query language')
  else if (FILTER_HEADS.has(head)) say('FILTER_TEXT', 'it is free text that selects records')
  else if (SEARCH_HEADS.has(head) && !PLAIN.test(said)) {
    const effect = head === 'query' || head === 'q' ? effectByName(tool.name) : effectOfTool(tool)
    const isSearch = effect === 'reads' && !/\bquery\b/.test(wordsOf(tool.name).join(' '))
    if (isSearch) say('SEARCH_TEXT', 'it is the text of a search')
    else
      say('FILTER_TEXT', 'it is free text that selects records, and the description does not say how it is interpreted')
  }
}

/** Whether a field such as `code` contains program code. It may as well be a country code or an error code. */
function isExecuted(head: string, both: string, said: string): boolean {
  if (head === 'body' || head === 'source' || head === 'program') return LANGUAGE_OF_CODE.test(said) && RUNS.test(both)
  if (head === 'expression') return LANGUAGE_OF_CODE.test(said)
  return RUNS.test(both) || LANGUAGE_OF_CODE.test(said)
}

/** The parts of a description that say what a tool does not take. */
function negated(text: string): string {
  return [...text.matchAll(/\b(?:no|not|never|without|rather than|instead of)\b[^.\n]{0,40}/g)].join('\n')
}

function isTree({ forms }: Field): boolean {
  return forms.some(({ type }) => type === 'object' || type === 'array')
}
