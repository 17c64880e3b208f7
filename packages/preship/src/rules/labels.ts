import type { Kind } from '../finding.ts'
import type { Tool } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { type Doing, doingByDescription, doingByName, doingInPassing, doingOfTool, warns } from './verbs.ts'

export const KINDS = {
  NO_ANNOTATIONS: {
    item: 6,
    severity: 'warning',
    title: 'says nothing of its effects',
    why: 'A client cannot tell it from a harmless one, and asks its user about all of them alike, or about none.',
    narrow: 'annotations: readOnlyHint, and destructiveHint where it is false.',
  },
  READ_ONLY_CONTRADICTED: {
    item: 6,
    severity: 'error',
    title: 'says that it only reads, and does not',
    why: 'Clients run tools that only read without asking anybody.',
    narrow: 'readOnlyHint: false, and a destructiveHint that is true if nobody can undo it.',
  },
  READ_ONLY_DOUBTFUL: {
    item: 6,
    severity: 'warning',
    title: 'says that it only reads, in words that could mean more',
    why: 'Clients run tools that only read without asking anybody.',
    narrow: 'readOnlyHint: false if anything at all changes; else a name that says what is read.',
  },
  HARMLESS_CONTRADICTED: {
    item: 6,
    severity: 'error',
    title: 'says that it destroys nothing, and does',
    why: 'Clients ask their users before they run what destroys, and only then.',
    narrow: 'destructiveHint: true.',
  },
  IRREVERSIBLE_UNMARKED: {
    item: 6,
    severity: 'warning',
    title: 'cannot be taken back, and says that it destroys nothing',
    why: 'What is sent, paid or published is gone; a client takes it for something that can be undone.',
    narrow: 'destructiveHint: true, a warning in the description, and a confirmation by a person.',
  },
  HINTS_CONTRADICT: {
    item: 6,
    severity: 'error',
    title: 'says both that it only reads and that it destroys',
    why: 'Each client believes the one or the other.',
    narrow: 'The one that is true.',
  },
  DESTRUCTIVE_UNLABELLED: {
    item: 6,
    severity: 'error',
    title: 'destroys or releases something, and says so nowhere',
    why: 'Neither the model nor the client has any reason to ask a person first.',
    narrow: 'destructiveHint: true, and a WARNING in the description to confirm with the user before each call.',
  },
  NO_WARNING_TEXT: {
    item: 6,
    severity: 'warning',
    title: 'warns the client, not the model',
    why: 'Most models see the description and not the annotations.',
    narrow:
      'End the description with: WARNING: this cannot be undone. Confirm with the user before calling, every time.',
  },
  WRITE_WITHOUT_WARNING: {
    item: 6,
    severity: 'note',
    title: 'writes, and its description does not warn',
    why: 'Most models see the description and not the annotations.',
    narrow: 'End the description with: WARNING: this is a write operation. Confirm with the user before calling.',
  },
  MISLEADING_TITLE: {
    item: 6,
    severity: 'warning',
    title: 'has a title that is more harmless than its name',
    why: 'People are shown the title when they are asked to allow a call.',
    narrow: 'A title that says what the tool does.',
  },
} as const satisfies Record<string, Kind>

export const labels: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const { readOnlyHint, destructiveHint } = tool.annotations
  const doing = doingOfTool(tool)
  const isGrave = doing === 'deletes' || doing === 'releases'
  const isLabelled = typeof readOnlyHint === 'boolean' || typeof destructiveHint === 'boolean'
  const isWarned = warns(tool.description)
  if (readOnlyHint === true && destructiveHint === true)
    say('HINTS_CONTRADICT', 'readOnlyHint and destructiveHint are both true')
  if (readOnlyHint === true) judgeReadOnly(tool, doing, say)
  else if (doing === 'deletes' && destructiveHint === false)
    say('HARMLESS_CONTRADICTED', 'by its words it deletes, but destructiveHint is false')
  else if (doing === 'releases' && destructiveHint === false)
    say('IRREVERSIBLE_UNMARKED', 'by its words it sends something off, but destructiveHint is false')
  if (isGrave && !isLabelled && !isWarned)
    say('DESTRUCTIVE_UNLABELLED', 'it has neither annotations nor a warning in its description')
  else {
    if (!isLabelled) say('NO_ANNOTATIONS', 'it has neither readOnlyHint nor destructiveHint')
    if (isWarned || readOnlyHint === true) return titled(tool, say)
    if (isGrave || destructiveHint === true) say('NO_WARNING_TEXT', 'its description does not warn')
    else if (doing === 'writes' || readOnlyHint === false) say('WRITE_WITHOUT_WARNING', 'its description does not warn')
  }
  titled(tool, say)
})

function judgeReadOnly(
  { name, description }: Tool,
  doing: Doing | undefined,
  say: (code: 'READ_ONLY_CONTRADICTED' | 'READ_ONLY_DOUBTFUL', message: string) => void,
): void {
  const named = doingByName(name)
  const described = doingByDescription(description)
  const passing = doingInPassing(description)
  const isSure = named === 'writes' || named === 'deletes' || named === 'releases' || described === 'deletes'
  if (isSure)
    say(
      'READ_ONLY_CONTRADICTED',
      `by its words it ${doing === 'reads' || !doing ? 'writes' : doing}, but readOnlyHint is true`,
    )
  else if (named === 'runs' || described === 'runs' || (described !== undefined && described !== 'reads'))
    say('READ_ONLY_DOUBTFUL', `its ${named === 'runs' ? 'name' : 'description'} begins with a verb that does something`)
  else if (passing !== undefined) say('READ_ONLY_DOUBTFUL', `in passing, its description says that it ${passing}`)
}

function titled(tool: Tool, say: (code: 'MISLEADING_TITLE', message: string) => void): void {
  const { title, annotations } = tool
  const named = doingByName(tool.name)
  if (named !== 'deletes' && named !== 'releases' && named !== 'writes') return
  for (const shown of [title, annotations.title])
    if (typeof shown === 'string' && doingByDescription(shown) === 'reads')
      say('MISLEADING_TITLE', `by its title it reads, by its name it ${named}`)
}
