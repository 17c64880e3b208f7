import type { Kind } from '../finding.ts'
import { type Field, fieldsOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { doingOfTool } from './verbs.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  SELF_CONFIRMATION: {
    item: 6,
    severity: 'warning',
    title: 'has a confirmation that the model gives itself',
    why: 'A deceived model sets it as readily as any other argument: it looks like a lock and is none.',
    narrow: 'Ask the person through the client (elicitation), bound to the arguments; or a tool without it.',
  },
  DRY_RUN_SWITCH: {
    item: 6,
    severity: 'note',
    title: 'is a rehearsal or the real thing, as the model chooses',
    why: 'The step from one to the other is an argument away.',
    narrow: 'Two tools: one that previews and only reads, one that does it and is labelled so.',
  },
} as const satisfies Record<string, Kind>

const CONFIRMATIONS = new Set(
  'confirm confirmed confirmation approve approved approval force forced acknowledge acknowledged consent override sure certain'.split(
    ' ',
  ),
)
/** What a setting is about: `allow_force_push`, `approval_required`. */
const OF_SETTINGS = new Set('allow allowed require required need needed must permit enable enabled'.split(' '))
const SKIPPED = new Set(['check', 'confirmation', 'confirm', 'validation', 'warning', 'prompt', 'approval', 'safety'])

export const selfConfirmation: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  for (const field of fieldsOf(tool)) {
    const { words } = namedBy(field.name)
    if (!isSwitch(field)) continue
    const isRehearsal = words.join('').includes('dryrun') || words.join('').includes('previewonly')
    const isSkip =
      ['skip', 'bypass', 'no', 'without', 'ignore'].includes(words[0] ?? '') && words.some(word => SKIPPED.has(word))
    if (isRehearsal && doingOfTool(tool) !== 'reads') say('DRY_RUN_SWITCH', 'one argument makes it real', field.path)
    else if (isSkip || (isYes(words) && doingOfTool(tool) !== 'reads'))
      say('SELF_CONFIRMATION', 'the caller says yes to its own call', field.path)
  }
})

function isYes(words: readonly string[]): boolean {
  return words.some(word => CONFIRMATIONS.has(word)) && !words.some(word => OF_SETTINGS.has(word))
}

/** Something to be said yes with: a boolean, or one fixed word. */
function isSwitch({ forms }: Field): boolean {
  return forms.some(
    ({ type, const: constant, enum: choice }) =>
      type === 'boolean' || constant !== undefined || (Array.isArray(choice) && choice.length <= 2),
  )
}
