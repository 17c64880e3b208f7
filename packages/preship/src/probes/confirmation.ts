import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { type JsonObject, objectOf, type Tool } from '../surface.ts'
import type { Session } from '../wire/session.ts'
import { type Attempt, attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import type { ProbeContext } from './probe.ts'

export const CONFIRMATION_KINDS = {
  CONFIRMATION_BYPASSED: {
    item: 6,
    severity: 'error',
    title: 'Confirmation is accepted without a question',
    why: 'A caller can send the user’s approval together with the call, and the user never sees the question.',
    narrow: 'Accept an answer only together with a state that the server has signed for exactly this call.',
  },
  CONFIRMATION_REPLAYED: {
    item: 6,
    severity: 'error',
    title: 'Confirmation can be replayed',
    why: 'Anyone who saw one confirmed call can repeat it.',
    narrow: 'Put a nonce into the signed state, and reject nonces that were used.',
  },
  CONFIRMATION_NOT_BOUND: {
    item: 6,
    severity: 'error',
    title: 'Confirmation of one call is accepted for another',
    why: 'The user approved something else than what is carried out.',
    narrow: 'Bind the signed state to the tool, its arguments, the content and the caller.',
  },
  CONFIRMATION_IGNORED: {
    item: 6,
    severity: 'error',
    title: 'Call is carried out although the user declined',
    why: 'The confirmation has no effect.',
    narrow: 'Continue only after an explicit approval, and treat every other answer as a refusal.',
  },
  CONFIRMATION_SKIPPED: {
    item: 6,
    severity: 'error',
    title: 'Confirmation is skipped for clients that cannot ask',
    why: 'A caller can avoid the question by using a client that does not support elicitation.',
    narrow: 'Refuse the call if the client cannot ask the user, unless the operator has chosen otherwise.',
  },
  READ_ONLY_ASKS: {
    item: 6,
    severity: 'error',
    title: 'Tool annotated as read-only asks for confirmation',
    why: 'Clients run read-only tools without asking the user. A tool that needs confirmation does more than read.',
    narrow: 'Derive annotations from what the tool does, and set readOnlyHint only if it changes nothing.',
  },
  DESTRUCTIVE_NEVER_ASKS: {
    item: 6,
    severity: 'warning',
    title: 'Destructive tool runs without confirmation and is not marked',
    why: 'The server does not ask the user, and no annotation or warning makes the client ask.',
    narrow: 'Ask the user through elicitation. At the least, set destructiveHint and add a warning to the description.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof CONFIRMATION_KINDS

const WARNS = /\bwarning\b|\bconfirm|\birreversibl|\bundone\b|\bpermanent|\bdestructive\b|\bwrite operation\b/i

/** Tries to get calls carried out without the user’s approval. */
export async function confirmationProbe(context: ProbeContext): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const baselines = await baselinesOf(context)
  for (const { tool, attempt: end } of baselines)
    if (tool.annotations.readOnlyHint === true && end.outcome === 'asked')
      findings.push({
        code: 'READ_ONLY_ASKS',
        tool: sanitize(tool.name, 80),
        message: 'it asked for confirmation before it continued',
      })
  const writing = baselines.filter(({ tool }) => tool.annotations.readOnlyHint !== true)
  if (writing.length === 0) return { findings, evidence }
  const withoutElicitation = await context.open({})
  try {
    for (const baseline of writing) {
      if (context.shouldStop()) break
      const name = sanitize(baseline.tool.name, 80)
      if (!works(baseline)) {
        const text = `${name}: preship found no call that succeeds, so it is unknown whether the tool asks first`
        evidence.push({ item: 6, text })
        continue
      }
      const { faults, isProven } = await judge(context, baseline, withoutElicitation)
      for (const [code, message] of faults) findings.push({ code, tool: name, message })
      if (faults.length === 0) evidence.push({ item: 6, text: `${name}: ${describe(baseline, isProven)}` })
    }
  } finally {
    await withoutElicitation.wire.close()
  }
  return { findings, evidence }
}

function describe({ attempt: { outcome }, tool }: Baseline, isProven: boolean): string {
  if (outcome === 'asked' && isProven)
    return 'asks first; a missing, forged, declined, replayed or rebound confirmation had no effect'
  if (outcome === 'asked')
    return 'asks first; a confirmed call was refused for another reason, so forged confirmations could not be tested fully'
  return `does not ask first; ${isMarked(tool) ? 'it is annotated as destructive and its description warns' : 'it is annotated as non-destructive'}`
}

function missingMark({ annotations }: Tool): string {
  return annotations.destructiveHint === true ? 'its description does not warn' : 'it is not annotated as destructive'
}

function isMarked({ annotations, description }: Tool): boolean {
  return annotations.destructiveHint === true && WARNS.test(description)
}

interface Judged {
  readonly faults: readonly [Code, string][]
  /** Whether a proper confirmation succeeded. Only then are the failures of the others meaningful. */
  readonly isProven: boolean
}

async function judge(context: ProbeContext, baseline: Baseline, withoutElicitation: Session): Promise<Judged> {
  const { tool, args } = baseline
  if (baseline.attempt.outcome === 'done') {
    const isHarmless = tool.annotations.destructiveHint === false || isMarked(tool)
    return {
      faults: isHarmless
        ? []
        : [['DESTRUCTIVE_NEVER_ASKS', `it was carried out without a question, and ${missingMark(tool)}`]],
      isProven: true,
    }
  }
  const faults: [Code, string][] = []
  const ignored: [Code, string] = ['CONFIRMATION_IGNORED', 'the user declined, and it was carried out']
  if (baseline.attempt.isCarriedOut) faults.push(ignored)
  const asked = await attempt(context, tool.name, args)
  const approved =
    asked.requestState === undefined
      ? await approvedWhileRunning(context, baseline)
      : await answered(context, tool, args, asked)
  /**
   * The call passed the confirmation: it was carried out, or refused for the same other reason as the approved call.
   */
  const passedConfirmation = ({ outcome, text, isCarriedOut }: Attempt): boolean =>
    (outcome === 'done' && isCarriedOut !== false) ||
    (outcome === 'refused' &&
      approved.outcome === 'refused' &&
      text === approved.text &&
      !ABOUT_CONFIRMATION.test(text))
  if (passedConfirmation(await attempt(context, tool.name, args, { session: withoutElicitation })))
    faults.push(['CONFIRMATION_SKIPPED', 'a call from a client without elicitation was carried out'])
  const answers = answersTo(asked, 'accept')
  for (const [what, extra] of [
    ['without a state', { inputResponses: answers }],
    ['with a forged state', { inputResponses: answers, requestState: 'cHJlc2hpcA.cHJlc2hpcA' }],
  ] as const) {
    // Also from a client that cannot ask, where the user would never see a question.
    const ends = [await attempt(context, tool.name, args, { extra, session: withoutElicitation })]
    ends.push(await attempt(context, tool.name, args, { extra }))
    if (!ends.some(passedConfirmation)) continue
    faults.push(['CONFIRMATION_BYPASSED', `a call with an unsolicited approval ${what} was carried out`])
    break
  }
  if (asked.requestState !== undefined) {
    if (passedConfirmation(await answered(context, tool, args, asked)))
      faults.push(['CONFIRMATION_REPLAYED', 'the same approval was accepted a second time'])
    if (
      passedConfirmation(await answered(context, tool, args, await attempt(context, tool.name, args), 'decline')) &&
      faults[0] !== ignored
    )
      faults.push(ignored)
    const askedAgain = await attempt(context, tool.name, args)
    for (const other of otherCalls(tool, args)) {
      if (!passedConfirmation(await answered(context, tool, other, askedAgain))) continue
      faults.push(['CONFIRMATION_NOT_BOUND', 'an approval of one call was accepted for another'])
      break
    }
  }
  return { faults, isProven: approved.outcome === 'done' }
}

/** The refusal is about the confirmation, not about what comes after it. */
const ABOUT_CONFIRMATION = /confirm|declin|approv|answer|elicit|consent/i

/**
 * Answers the question of a modern server: the call ends with the question, and the client calls again with the answer
 * and the state.
 */
async function answered(
  context: ProbeContext,
  tool: Tool,
  args: JsonObject,
  asked: Attempt,
  action: 'accept' | 'decline' = 'accept',
): Promise<Attempt> {
  const { requestState, traceId } = asked
  const extra = { inputResponses: answersTo(asked, action), requestState }
  return await attempt(context, tool.name, args, { extra, ...(traceId !== undefined && { traceId }) })
}

/** Approves the call on a legacy server, which asks while the call is running. */
async function approvedWhileRunning(context: ProbeContext, { tool, args }: Baseline): Promise<Attempt> {
  const session = await context.open({ elicitation: {} })
  session.wire.onAsked = ({ method, params }) =>
    method === 'elicitation/create'
      ? objectOf(answersTo({ ...NO_QUESTION, questions: { confirm: { params } } }, 'accept').confirm)
      : undefined
  try {
    return await attempt(context, tool.name, args, { session })
  } finally {
    await session.wire.close()
  }
}

const NO_QUESTION: Attempt = { outcome: 'asked', text: '', structured: undefined }

/** Copies of the call with one argument changed slightly. */
function otherCalls({ inputSchema }: Tool, args: JsonObject): JsonObject[] {
  return Object.entries(args).flatMap(([name, value]) => {
    const { enum: choices } = objectOf(objectOf(inputSchema.properties)[name])
    const other = Array.isArray(choices) ? choices.find(choice => choice !== value) : undefined
    if (other !== undefined) return [{ ...args, [name]: other }]
    return typeof value === 'string' ? [{ ...args, [name]: `${value}s` }] : []
  })
}

/** Answers every question of a call. Without a question, answers a typical one. */
function answersTo({ questions = {} }: Attempt, action: 'accept' | 'decline'): JsonObject {
  const names = Object.keys(questions).slice(0, 20)
  if (names.length === 0) names.push('confirm')
  return Object.fromEntries(
    names.map(name => {
      const { params } = objectOf(questions[name])
      const { properties } = objectOf(objectOf(params).requestedSchema)
      const fields = Object.entries(objectOf(properties)).map(([field, schema]) => [
        field,
        approvalFor(objectOf(schema)),
      ])
      const content = fields.length > 0 ? Object.fromEntries(fields) : { confirm: true, confirmed: true }
      return [name, action === 'accept' ? { action, content } : { action }]
    }),
  )
}

function approvalFor({ type, enum: choices }: JsonObject): unknown {
  if (Array.isArray(choices))
    return choices.find(choice => /yes|confirm|ok|approve/i.test(String(choice))) ?? choices[0]
  return type === 'boolean' ? true : type === 'string' ? 'yes' : 1
}
