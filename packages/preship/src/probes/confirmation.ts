import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { type JsonObject, objectOf, type Tool } from '../surface.ts'
import type { Session } from '../wire/session.ts'
import { type Attempt, attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import type { Probing } from './probe.ts'

export const CONFIRMATION_KINDS = {
  CONFIRMATION_BYPASSED: {
    item: 6,
    severity: 'error',
    title: 'an answer that nobody was asked for counts as a yes',
    why: 'A caller can send the person’s yes along with the call: the question is never shown to anybody.',
    narrow: 'Take an answer only with a state that this server sealed for exactly this call.',
  },
  CONFIRMATION_REPLAYED: {
    item: 6,
    severity: 'error',
    title: 'one yes counts twice',
    why: 'Whoever saw one confirmed call can have it carried out again and again.',
    narrow: 'Put a nonce in the sealed state, and keep those that were used.',
  },
  CONFIRMATION_NOT_BOUND: {
    item: 6,
    severity: 'error',
    title: 'a yes to one call counts for another',
    why: 'The person agreed to something else than what is carried out.',
    narrow: 'Bind the sealed state to tool, arguments, content and caller.',
  },
  CONFIRMATION_IGNORED: {
    item: 6,
    severity: 'error',
    title: 'it is carried out although the person said no',
    why: 'The question is decoration.',
    narrow: 'Go on only with an explicit yes; everything else is a no.',
  },
  CONFIRMATION_SKIPPED: {
    item: 6,
    severity: 'error',
    title: 'a client that cannot ask is not asked for',
    why: 'The tool asks where a person can be asked and acts without asking elsewhere: a caller picks the client that cannot.',
    narrow: 'Refuse where no person can be asked, unless the operator chose otherwise.',
  },
  READ_ONLY_ASKS: {
    item: 6,
    severity: 'error',
    title: 'a tool that says that it only reads asks before it acts',
    why: 'Clients let tools that only read be called without anybody looking; one that needs a yes does more than that.',
    narrow: 'Derive the annotations from what the tool does: readOnlyHint only where nothing is changed.',
  },
  DESTRUCTIVE_NEVER_ASKS: {
    item: 6,
    severity: 'warning',
    title: 'a destructive tool acts without asking, and does not say so',
    why: 'Neither the server nor, for want of a label and a warning, the client will ask a person before it is done.',
    narrow: 'Ask through elicitation; at the least set destructiveHint and warn in the description.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof CONFIRMATION_KINDS

const WARNS = /\bwarning\b|\bconfirm|\birreversibl|\bundone\b|\bpermanent|\bdestructive\b|\bwrite operation\b/i

/** Tries to have things done that a person should have been asked about. */
export async function confirmationProbe(probing: Probing): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const baselines = await baselinesOf(probing)
  for (const { tool, attempt: end } of baselines)
    if (tool.annotations.readOnlyHint === true && end.outcome === 'asked')
      findings.push({
        code: 'READ_ONLY_ASKS',
        tool: plain(tool.name, 80),
        message: 'it wanted a yes before it went on',
      })
  const writing = baselines.filter(({ tool }) => tool.annotations.readOnlyHint !== true)
  if (writing.length === 0) return { findings, evidence }
  const mute = await probing.open({})
  try {
    for (const baseline of writing) {
      if (probing.isLate()) break
      const name = plain(baseline.tool.name, 80)
      if (!works(baseline)) {
        const text = `${name}: no call was found that works, so whether it asks first was not seen`
        evidence.push({ item: 6, text })
        continue
      }
      const { faults, isProven } = await judge(probing, baseline, mute)
      for (const [code, message] of faults) findings.push({ code, tool: name, message })
      if (faults.length === 0) evidence.push({ item: 6, text: `${name}: ${told(baseline, isProven)}` })
    }
  } finally {
    await mute.wire.close()
  }
  return { findings, evidence }
}

function told({ attempt: { outcome }, tool }: Baseline, isProven: boolean): string {
  if (outcome === 'asked' && isProven)
    return 'asks first; no answer, a made-up answer, a no, a used yes and a yes to another call did nothing'
  if (outcome === 'asked')
    return 'asks first; after a yes it was refused for another reason, so the rest was hardly seen'
  return `does not ask first; ${isLabelled(tool) ? 'it is labelled, and says so' : 'it calls itself not destructive'}`
}

function unsaid({ annotations }: Tool): string {
  return annotations.destructiveHint === true ? 'its description does not warn' : 'it is not labelled as destructive'
}

function isLabelled({ annotations, description }: Tool): boolean {
  return annotations.destructiveHint === true && WARNS.test(description)
}

interface Judged {
  readonly faults: readonly [Code, string][]
  /** Whether a yes as it should be got through: only then does it mean something that others did not. */
  readonly isProven: boolean
}

async function judge(probing: Probing, baseline: Baseline, mute: Session): Promise<Judged> {
  const { tool, args } = baseline
  if (baseline.attempt.outcome === 'done') {
    const isHarmless = tool.annotations.destructiveHint === false || isLabelled(tool)
    return {
      faults: isHarmless ? [] : [['DESTRUCTIVE_NEVER_ASKS', `it was carried out at once, and ${unsaid(tool)}`]],
      isProven: true,
    }
  }
  const faults: [Code, string][] = []
  const ignored: [Code, string] = ['CONFIRMATION_IGNORED', 'the answer was no, and it was carried out']
  if (baseline.attempt.isCarriedOut) faults.push(ignored)
  const used = await attempt(probing, tool.name, args)
  const yes =
    used.requestState === undefined ? await saidYes(probing, baseline) : await answered(probing, tool, args, used)
  /** Carried out, or refused for the same reason as after a yes: in both cases nobody minded that there was none. */
  const isPast = ({ outcome, text, isCarriedOut }: Attempt): boolean =>
    (outcome === 'done' && isCarriedOut !== false) ||
    (outcome === 'refused' && yes.outcome === 'refused' && text === yes.text && !ABOUT_ANSWER.test(text))
  if (isPast(await attempt(probing, tool.name, args, { session: mute })))
    faults.push(['CONFIRMATION_SKIPPED', 'a client that declares no elicitation had it carried out'])
  const answers = answersTo(used, 'accept')
  for (const [what, extra] of [
    ['with no state', { inputResponses: answers }],
    ['with a made-up state', { inputResponses: answers, requestState: 'cHJlc2hpcA.cHJlc2hpcA' }],
  ] as const) {
    // From a client that cannot ask, as well: there nobody would even see it.
    const ends = [await attempt(probing, tool.name, args, { extra, session: mute })]
    ends.push(await attempt(probing, tool.name, args, { extra }))
    if (!ends.some(isPast)) continue
    faults.push(['CONFIRMATION_BYPASSED', `a yes that was sent along ${what} had it carried out`])
    break
  }
  if (used.requestState !== undefined) {
    if (isPast(await answered(probing, tool, args, used)))
      faults.push(['CONFIRMATION_REPLAYED', 'the same answer had it carried out a second time'])
    if (
      isPast(await answered(probing, tool, args, await attempt(probing, tool.name, args), 'decline')) &&
      faults[0] !== ignored
    )
      faults.push(ignored)
    const moved = await attempt(probing, tool.name, args)
    for (const other of otherCalls(tool, args)) {
      if (!isPast(await answered(probing, tool, other, moved))) continue
      faults.push(['CONFIRMATION_NOT_BOUND', 'a yes to one call had another one carried out'])
      break
    }
  }
  return { faults, isProven: yes.outcome === 'done' }
}

/** Refused as an answer: not for what comes after it. */
const ABOUT_ANSWER = /confirm|declin|approv|answer|elicit|consent/i

/** In the later era, the question ends the call, and what belongs to it travels through the client. */
async function answered(
  probing: Probing,
  tool: Tool,
  args: JsonObject,
  asked: Attempt,
  action: 'accept' | 'decline' = 'accept',
): Promise<Attempt> {
  const { requestState, traceId } = asked
  const extra = { inputResponses: answersTo(asked, action), requestState }
  return await attempt(probing, tool.name, args, { extra, ...(traceId !== undefined && { traceId }) })
}

/** In the earlier one, the server asks while the call runs. */
async function saidYes(probing: Probing, { tool, args }: Baseline): Promise<Attempt> {
  const session = await probing.open({ elicitation: {} })
  session.wire.onAsked = ({ method, params }) =>
    method === 'elicitation/create'
      ? objectOf(answersTo({ ...NOTHING_SAID, questions: { yes: { params } } }, 'accept').yes)
      : undefined
  try {
    return await attempt(probing, tool.name, args, { session })
  } finally {
    await session.wire.close()
  }
}

const NOTHING_SAID: Attempt = { outcome: 'asked', text: '', structured: undefined }

/** The same call with one field changed, as little as possible. */
function otherCalls({ inputSchema }: Tool, args: JsonObject): JsonObject[] {
  return Object.entries(args).flatMap(([name, value]) => {
    const { enum: choices } = objectOf(objectOf(inputSchema.properties)[name])
    const other = Array.isArray(choices) ? choices.find(choice => choice !== value) : undefined
    if (other !== undefined) return [{ ...args, [name]: other }]
    return typeof value === 'string' ? [{ ...args, [name]: `${value}s` }] : []
  })
}

/** An answer to every question of a call; to a usual one, where nothing was asked. */
function answersTo({ questions = {} }: Attempt, action: 'accept' | 'decline'): JsonObject {
  const names = Object.keys(questions).slice(0, 20)
  if (names.length === 0) names.push('confirm')
  return Object.fromEntries(
    names.map(name => {
      const { params } = objectOf(questions[name])
      const { properties } = objectOf(objectOf(params).requestedSchema)
      const fields = Object.entries(objectOf(properties)).map(([field, schema]) => [field, yesTo(objectOf(schema))])
      const content = fields.length > 0 ? Object.fromEntries(fields) : { confirm: true, confirmed: true }
      return [name, action === 'accept' ? { action, content } : { action }]
    }),
  )
}

function yesTo({ type, enum: choices }: JsonObject): unknown {
  if (Array.isArray(choices))
    return choices.find(choice => /yes|confirm|ok|approve/i.test(String(choice))) ?? choices[0]
  return type === 'boolean' ? true : type === 'string' ? 'yes' : 1
}
