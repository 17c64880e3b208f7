import type { Kind } from '../finding.ts'
import { type Field, fieldsOf } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { effectOfTool } from './verbs.ts'
import { namedBy } from './words.ts'

export const KINDS = {
  SELF_CONFIRMATION: {
    item: 6,
    severity: 'warning',
    title: 'Confirmation is an argument that the model sets',
    why: 'A model misled by a prompt injection sets it like any other argument, so it protects nothing.',
    narrow:
      'Ask the user through the client (elicitation) and bind the answer to the arguments, or remove the argument.',
  },
  DRY_RUN_SWITCH: {
    item: 6,
    severity: 'note',
    title: 'One argument switches between preview and execution',
    why: 'The model decides whether the call only previews or takes effect.',
    narrow: 'Provide two tools: a read-only preview, and one that acts and is annotated accordingly.',
  },
} as const satisfies Record<string, Kind>

const CONFIRMATIONS = new Set(
  'confirm confirmed confirmation approve approved approval force forced acknowledge acknowledged consent override sure certain'.split(
    ' ',
  ),
)
/** Words in names of settings, such as `allow_force_push` and `approval_required`. */
const SETTING_WORDS = new Set('allow allowed require required need needed must permit enable enabled'.split(' '))
const CHECKS = new Set(['check', 'confirmation', 'confirm', 'validation', 'warning', 'prompt', 'approval', 'safety'])

export const selfConfirmation: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  for (const field of fieldsOf(tool)) {
    const { words } = namedBy(field.name)
    if (!isSwitch(field)) continue
    const isDryRun = words.join('').includes('dryrun') || words.join('').includes('previewonly')
    const isSkip =
      ['skip', 'bypass', 'no', 'without', 'ignore'].includes(words[0] ?? '') && words.some(word => CHECKS.has(word))
    if (isDryRun && effectOfTool(tool) !== 'reads')
      say('DRY_RUN_SWITCH', 'this argument decides whether the call takes effect', field.path)
    else if (isSkip || (isConfirmation(words) && effectOfTool(tool) !== 'reads'))
      say('SELF_CONFIRMATION', 'the caller confirms its own call', field.path)
  }
})

function isConfirmation(words: readonly string[]): boolean {
  return words.some(word => CONFIRMATIONS.has(word)) && !words.some(word => SETTING_WORDS.has(word))
}

/** Whether a field is a boolean, a constant or an enum with at most two values. */
function isSwitch({ forms }: Field): boolean {
  return forms.some(
    ({ type, const: constant, enum: choice }) =>
      type === 'boolean' || constant !== undefined || (Array.isArray(choice) && choice.length <= 2),
  )
}
