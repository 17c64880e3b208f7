import type { Kind } from '../finding.ts'
import type { Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import {
  EFFECT_TEXT,
  type Effect,
  effectByDescription,
  effectByName,
  effectOfTool,
  incidentalEffect,
  warns,
} from './verbs.ts'

export const KINDS = {
  NO_ANNOTATIONS: {
    item: 6,
    severity: 'warning',
    title: 'Tool has no annotations about its effects',
    why: 'A client cannot distinguish it from a harmless tool, so it asks the user about every tool or about none.',
    narrow: 'Set readOnlyHint, and set destructiveHint where readOnlyHint is false.',
  },
  READ_ONLY_CONTRADICTED: {
    item: 6,
    severity: 'error',
    title: 'Tool is annotated as read-only but appears to change something',
    why: 'Clients run read-only tools without asking the user.',
    narrow: 'Set readOnlyHint to false, and set destructiveHint to true if the effect cannot be undone.',
  },
  READ_ONLY_DOUBTFUL: {
    item: 6,
    severity: 'warning',
    title: 'Tool is annotated as read-only, but its wording suggests otherwise',
    why: 'Clients run read-only tools without asking the user.',
    narrow:
      'Set readOnlyHint to false if the tool changes anything. Otherwise, say in its name and description what it reads.',
  },
  HARMLESS_CONTRADICTED: {
    item: 6,
    severity: 'error',
    title: 'Tool is annotated as non-destructive but appears to delete something',
    why: 'Clients ask the user only before destructive tools.',
    narrow: 'Set destructiveHint to true.',
  },
  IRREVERSIBLE_UNMARKED: {
    item: 6,
    severity: 'warning',
    title: 'Irreversible tool is annotated as non-destructive',
    why: 'Messages, payments and publications cannot be taken back, but the client treats the call as reversible.',
    narrow: 'Set destructiveHint to true, add a warning to the description, and require confirmation by a person.',
  },
  HINTS_CONTRADICT: {
    item: 6,
    severity: 'error',
    title: 'Tool is annotated as both read-only and destructive',
    why: 'The hints contradict each other, and clients differ in which one they follow.',
    narrow: 'Keep the hint that is true.',
  },
  DESTRUCTIVE_UNLABELLED: {
    item: 6,
    severity: 'error',
    title: 'Destructive or irreversible tool has neither annotations nor a warning',
    why: 'Neither the model nor the client has a reason to ask the user first.',
    narrow:
      'Set destructiveHint to true, and add a warning to the description: confirm with the user before each call.',
  },
  NO_WARNING_TEXT: {
    item: 6,
    severity: 'warning',
    title: 'Destructive tool has no warning in its description',
    why: 'Most models see the description but not the annotations.',
    narrow:
      'End the description with: WARNING: this cannot be undone. Confirm with the user before calling, every time.',
  },
  WRITE_WITHOUT_WARNING: {
    item: 6,
    severity: 'note',
    title: 'Tool that writes has no warning in its description',
    why: 'Most models see the description but not the annotations.',
    narrow: 'End the description with: WARNING: this is a write operation. Confirm with the user before calling.',
  },
  MISLEADING_TITLE: {
    item: 6,
    severity: 'warning',
    title: 'Title sounds more harmless than the tool name',
    why: 'Clients show the title when they ask the user to allow a call.',
    narrow: 'Use a title that says what the tool does.',
  },
} as const satisfies Record<string, Kind>

export const labels: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const { readOnlyHint, destructiveHint } = tool.annotations
  const effect = effectOfTool(tool)
  const isIrreversible = effect === 'deletes' || effect === 'releases'
  const isLabelled = typeof readOnlyHint === 'boolean' || typeof destructiveHint === 'boolean'
  const isWarned = warns(tool.description)
  if (readOnlyHint === true && destructiveHint === true)
    say('HINTS_CONTRADICT', 'readOnlyHint and destructiveHint are both true')
  if (readOnlyHint === true) judgeReadOnly(tool, effect, say)
  else if (effect === 'deletes' && destructiveHint === false)
    say('HARMLESS_CONTRADICTED', 'by its name or description it deletes something, but destructiveHint is false')
  else if (effect === 'releases' && destructiveHint === false)
    say(
      'IRREVERSIBLE_UNMARKED',
      'by its name or description it sends or publishes something, but destructiveHint is false',
    )
  if (isIrreversible && !isLabelled && !isWarned)
    say('DESTRUCTIVE_UNLABELLED', 'it has neither annotations nor a warning in its description')
  else {
    if (!isLabelled) say('NO_ANNOTATIONS', 'it has neither readOnlyHint nor destructiveHint')
    if (isWarned || readOnlyHint === true) return judgeTitle(tool, say)
    if (isIrreversible || destructiveHint === true) say('NO_WARNING_TEXT', 'its description does not warn')
    else if (effect === 'writes' || readOnlyHint === false)
      say('WRITE_WITHOUT_WARNING', 'its description does not warn')
  }
  judgeTitle(tool, say)
})

function judgeReadOnly(
  { name, description }: Tool,
  effect: Effect | undefined,
  say: (code: 'READ_ONLY_CONTRADICTED' | 'READ_ONLY_DOUBTFUL', message: string) => void,
): void {
  const named = effectByName(name)
  const described = effectByDescription(description)
  const passing = incidentalEffect(description)
  const isSure = named === 'writes' || named === 'deletes' || named === 'releases' || described === 'deletes'
  if (isSure)
    say(
      'READ_ONLY_CONTRADICTED',
      `by its name or description it ${EFFECT_TEXT[effect === 'reads' || !effect ? 'writes' : effect]}, but readOnlyHint is true`,
    )
  else if (named === 'runs' || described === 'runs' || (described !== undefined && described !== 'reads'))
    say(
      'READ_ONLY_DOUBTFUL',
      `its ${named === 'runs' ? 'name' : 'description'} starts with a verb that changes something`,
    )
  else if (passing !== undefined)
    say('READ_ONLY_DOUBTFUL', `its description mentions in passing that it ${EFFECT_TEXT[passing]}`)
}

function judgeTitle(tool: Tool, say: (code: 'MISLEADING_TITLE', message: string) => void): void {
  const { title, annotations } = tool
  const named = effectByName(tool.name)
  if (named !== 'deletes' && named !== 'releases' && named !== 'writes') return
  for (const shown of [title, annotations.title])
    if (typeof shown === 'string' && effectByDescription(shown) === 'reads')
      say('MISLEADING_TITLE', `by its title it reads, but by its name it ${EFFECT_TEXT[named]}`)
}
