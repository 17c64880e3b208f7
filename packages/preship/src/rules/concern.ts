import type { Kind } from '../finding.ts'
import { fieldsOf, listOf, type Surface, type Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { textForms } from './strings.ts'
import { doingByName } from './verbs.ts'
import { singular, wordsOf } from './words.ts'

export const KINDS = {
  GENERIC_TOOL: {
    item: 7,
    severity: 'error',
    title: 'does whatever it is told',
    why: 'A tool that can do anything has no worst case: no list of outcomes, no scope, no label fits it.',
    narrow: 'A tool for each thing that is meant to be done, with a name that says so.',
  },
  ACTION_SWITCH: {
    item: 1,
    severity: 'warning',
    title: 'is many tools in one',
    why: 'Reading and deleting have one name, one label and one permission.',
    narrow: 'A tool for each of the actions, labelled for what it does.',
  },
  MIXED_CONCERNS: {
    item: 7,
    severity: 'warning',
    title: 'mixes concerns',
    why: 'What one tool reads, another sends off: in one process, with one set of credentials.',
    narrow: 'One server for each concern, with a credential and an owner of its own.',
  },
  MANY_TOOLS: {
    item: 7,
    severity: 'note',
    title: 'has more tools than one concern needs',
    why: 'Models choose worse from a long list, and reviewers read it less well.',
    narrow: 'Leave out what nobody uses; split what belongs to different people.',
  },
  TOO_MANY_TOOLS: {
    item: 7,
    severity: 'warning',
    title: 'has too many tools for one concern',
    why: 'Nobody knows any more what can be done with it.',
    narrow: 'Several servers, each with one concern.',
  },
  OFFERS_MORE: {
    item: 7,
    severity: 'note',
    title: 'offers more than tools',
    why: 'Resources and prompts reach the model, too, and were not looked at here.',
    narrow: 'Leave out what nobody uses; review the rest as the tools are.',
  },
} as const satisfies Record<string, Kind>

const MANY = 15
const TOO_MANY = 40
/** Verbs and nouns that say nothing of what is done. */
const GENERIC = new Set(
  'execute exec run call invoke eval evaluate do perform request query fetch api http command cmd code script shell bash sql tool function method endpoint action operation rest graphql proxy raw custom any generic statement terminal rpc python javascript js node'.split(
    ' ',
  ),
)
/** `query` by itself searches, `fetch` by itself gets: both do so with what they are given. */
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
/** Where repositories are kept, these are theirs: no concern of their own. */
const OF_CODE = new Set(['file', 'folder', 'directory', 'dir', 'issue', 'event'])

const concernsOf = (lists: Readonly<Record<string, string>>) =>
  Object.entries(lists).map(([concern, words]) => [concern, new Set(words.split(' '))] as const)
const POWERFUL_CONCERNS = concernsOf(POWERFUL)
const ORDINARY_CONCERNS = concernsOf(ORDINARY)

type ToolCode = 'GENERIC_TOOL' | 'ACTION_SWITCH'

const eachTool: Rule<ToolCode> = ofEachTool((tool, say) => {
  if (isGeneric(tool)) say('GENERIC_TOOL', 'its name says nothing of what it does')
  for (const { path, name, forms } of fieldsOf(tool)) {
    if (!SWITCHES.has(wordsOf(name).at(-1) ?? '')) continue
    const doings = forms.flatMap(form => listOf(form.enum)).map(choice => doingByName(String(choice)))
    const kinds = new Set(doings.filter(doing => doing !== undefined))
    if (kinds.has('reads') ? kinds.size > 1 : kinds.has('deletes') && kinds.size > 1)
      say('ACTION_SWITCH', `it ${[...kinds].sort().join(', ')}, as this argument says`, path)
  }
})

export const concern: Rule<keyof typeof KINDS> = (surface, neighbours) => [
  ...eachTool(surface, neighbours),
  ...mixed(surface),
  ...many(surface),
  ...more(surface),
]

function isGeneric(tool: Tool): boolean {
  const words = wordsOf(tool.name)
  if (!words.every(word => GENERIC.has(word)) || !words.some(word => GENERIC_VERBS.has(word))) return false
  return fieldsOf(tool).some(field => textForms(field).length > 0 || field.forms.some(({ type }) => type === 'object'))
}

function mixed({ tools }: Surface): ReturnType<Rule<'MIXED_CONCERNS'>> {
  const all = new Set(tools.flatMap(({ name }) => wordsOf(name).map(singular)))
  const isCodeHost = CODE_WORDS.filter(word => all.has(word)).length > 1
  const words = isCodeHost ? new Set([...all].filter(word => !OF_CODE.has(word))) : all
  const found = (concerns: typeof POWERFUL_CONCERNS): string[] =>
    concerns.filter(([, own]) => [...own].some(word => words.has(word))).map(([name]) => name)
  const powerful = found(POWERFUL_CONCERNS)
  const concerns = [...powerful, ...found(ORDINARY_CONCERNS)]
  if (powerful.length < 3 && concerns.length < 4) return []
  return [{ code: 'MIXED_CONCERNS', message: `by the names of its tools it is about ${concerns.join(', ')}` }]
}

function many({ tools }: Surface): ReturnType<Rule<'MANY_TOOLS' | 'TOO_MANY_TOOLS'>> {
  if (tools.length <= MANY) return []
  return [{ code: tools.length > TOO_MANY ? 'TOO_MANY_TOOLS' : 'MANY_TOOLS', message: `it has ${tools.length} tools` }]
}

function more({ capabilities }: Surface): ReturnType<Rule<'OFFERS_MORE'>> {
  const offered = ['resources', 'prompts'].filter(kind => capabilities.includes(kind))
  return offered.length > 0 ? [{ code: 'OFFERS_MORE', message: `it also offers ${offered.join(' and ')}` }] : []
}
