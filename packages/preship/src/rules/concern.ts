import type { Kind } from '../finding.ts'
import { fieldsOf, listOf, type Surface, type Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { textForms } from './strings.ts'
import { EFFECT_TEXT, effectByName } from './verbs.ts'
import { singular, wordsOf } from './words.ts'

export const KINDS = {
  GENERIC_TOOL: {
    item: 7,
    severity: 'error',
    title: 'Tool performs arbitrary operations',
    why: 'Its effects cannot be listed, so it cannot be scoped, annotated or reviewed.',
    narrow: 'Provide one tool for each intended operation, with a name that says what it does.',
  },
  ACTION_SWITCH: {
    item: 1,
    severity: 'warning',
    title: 'One argument selects between several operations',
    why: 'Reading and deleting share one name, one annotation and one permission.',
    narrow: 'Provide one tool for each operation, annotated for what it does.',
  },
  MIXED_CONCERNS: {
    item: 7,
    severity: 'warning',
    title: 'Server covers several unrelated areas',
    why: 'The tools share a process and credentials, so data that one tool reads can be sent off by another.',
    narrow: 'Run one server for each area, with its own credential and owner.',
  },
  MANY_TOOLS: {
    item: 7,
    severity: 'note',
    title: 'Server has many tools',
    why: 'Models choose less reliably from a long list, and reviewers read it less carefully.',
    narrow: 'Remove unused tools, and split the server where tools belong to different teams.',
  },
  TOO_MANY_TOOLS: {
    item: 7,
    severity: 'warning',
    title: 'Server has too many tools',
    why: 'Nobody can keep track of what a caller can do with it.',
    narrow: 'Split it into several servers with one area each.',
  },
  OFFERS_MORE: {
    item: 7,
    severity: 'note',
    title: 'Server offers resources or prompts',
    why: 'They reach the model as well, and preship does not examine them.',
    narrow: 'Remove what is unused, and review the rest as you review tools.',
  },
} as const satisfies Record<string, Kind>

const MANY = 15
const TOO_MANY = 40
/** Verbs and nouns that do not say what a tool does. */
const GENERIC = new Set(
  'execute exec run call invoke eval evaluate do perform request query fetch api http command cmd code script shell bash sql tool function method endpoint action operation rest graphql proxy raw custom any generic statement terminal rpc python javascript js node'.split(
    ' ',
  ),
)
/** Generic verbs. `query` and `fetch` are not listed, because alone they search and get. */
const GENERIC_VERBS = new Set(
  'execute exec run call invoke eval evaluate do perform request proxy api http raw shell bash terminal cmd command query rpc'.split(
    ' ',
  ),
)
const SWITCHES = new Set(['action', 'operation', 'op', 'command', 'cmd', 'method', 'mode', 'verb'])

const POWERFUL = {
  files: 'file folder directory dir filesystem',
  mail: 'email mail inbox gmail sms whatsapp slack smtp',
  database: 'sql database db postgre postgresql mysql sqlite mongodb redis',
  shell: 'shell bash terminal process exec cmd powershell',
  money: 'payment invoice refund payout stripe bank transfer wallet',
}
const ORDINARY = {
  web: 'browser browse webpage website scrape crawl http url',
  calendar: 'calendar event meeting appointment',
  tickets: 'ticket issue incident',
  customers: 'customer contact lead crm deal',
  code: 'repo repository branch commit git pull',
  machines: 'cluster pod kubernete deployment vm container server',
  publishing: 'blog article post newsletter cms',
}

const CODE_WORDS = ORDINARY.code.split(' ')
/** On a code host, these words belong to repositories and are not separate areas. */
const OF_CODE = new Set(['file', 'folder', 'directory', 'dir', 'issue', 'event'])

const concernsOf = (lists: Readonly<Record<string, string>>) =>
  Object.entries(lists).map(([concern, words]) => [concern, new Set(words.split(' '))] as const)
const POWERFUL_CONCERNS = concernsOf(POWERFUL)
const ORDINARY_CONCERNS = concernsOf(ORDINARY)

type ToolCode = 'GENERIC_TOOL' | 'ACTION_SWITCH'

const eachTool: Rule<ToolCode> = ofEachTool((tool, say) => {
  if (isGeneric(tool)) say('GENERIC_TOOL', 'its name does not say what it does')
  for (const { path, name, forms } of fieldsOf(tool)) {
    if (!SWITCHES.has(wordsOf(name).at(-1) ?? '')) continue
    const effects = forms.flatMap(form => listOf(form.enum)).map(choice => effectByName(String(choice)))
    const kinds = new Set(effects.filter(effect => effect !== undefined))
    if (kinds.has('reads') ? kinds.size > 1 : kinds.has('deletes') && kinds.size > 1)
      say(
        'ACTION_SWITCH',
        `depending on this argument, it ${[...kinds]
          .sort()
          .map(kind => EFFECT_TEXT[kind])
          .join(', ')}`,
        path,
      )
  }
})

export const concern: Rule<keyof typeof KINDS> = (surface, neighbours) => [
  ...eachTool(surface, neighbours),
  ...mixedConcerns(surface),
  ...toolCount(surface),
  ...otherOffers(surface),
]

function isGeneric(tool: Tool): boolean {
  const words = wordsOf(tool.name)
  if (!words.every(word => GENERIC.has(word)) || !words.some(word => GENERIC_VERBS.has(word))) return false
  return fieldsOf(tool).some(field => textForms(field).length > 0 || field.forms.some(({ type }) => type === 'object'))
}

function mixedConcerns({ tools }: Surface): ReturnType<Rule<'MIXED_CONCERNS'>> {
  const all = new Set(tools.flatMap(({ name }) => wordsOf(name).map(singular)))
  const isCodeHost = CODE_WORDS.filter(word => all.has(word)).length > 1
  const words = isCodeHost ? new Set([...all].filter(word => !OF_CODE.has(word))) : all
  const found = (concerns: typeof POWERFUL_CONCERNS): string[] =>
    concerns.filter(([, own]) => [...own].some(word => words.has(word))).map(([name]) => name)
  const powerful = found(POWERFUL_CONCERNS)
  const concerns = [...powerful, ...found(ORDINARY_CONCERNS)]
  if (powerful.length < 3 && concerns.length < 4) return []
  return [{ code: 'MIXED_CONCERNS', message: `its tool names indicate several areas: ${concerns.join(', ')}` }]
}

function toolCount({ tools }: Surface): ReturnType<Rule<'MANY_TOOLS' | 'TOO_MANY_TOOLS'>> {
  if (tools.length <= MANY) return []
  return [{ code: tools.length > TOO_MANY ? 'TOO_MANY_TOOLS' : 'MANY_TOOLS', message: `it has ${tools.length} tools` }]
}

function otherOffers({ capabilities }: Surface): ReturnType<Rule<'OFFERS_MORE'>> {
  const offered = ['resources', 'prompts'].filter(kind => capabilities.includes(kind))
  return offered.length > 0
    ? [{ code: 'OFFERS_MORE', message: `besides tools, it offers ${offered.join(' and ')}` }]
    : []
}
