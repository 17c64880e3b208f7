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
  const writing = (await baselinesOf(probing)).filter(({ tool }) => tool.annotations.readOnlyHint !== true)
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
      const faults = await faultsOf(probing, baseline, mute)
      for (const [code, message] of faults) findings.push({ code, tool: name, message })
      if (faults.length > 0) continue
      const text =
        baseline.attempt.outcome === 'asked'
          ? `${name}: asks first; no answer, a made-up answer, a no, a used yes and a yes to another call did nothing`
          : `${name}: does not ask first; ${isLabelled(baseline.tool) ? 'it is labelled, and says so' : 'it calls itself not destructive'}`
      evidence.push({ item: 6, text })
    }
  } finally {
    await mute.wire.close()
  }
  return { findings, evidence }
}

function isLabelled({ annotations, description }: Tool): boolean {
  return annotations.destructiveHint === true && WARNS.test(description)
}

async function faultsOf(probing: Probing, baseline: Baseline, mute: Session): Promise<[Code, string][]> {
  const { tool, args } = baseline
  if (baseline.attempt.outcome === 'done') {
    if (tool.annotations.destructiveHint === false || isLabelled(tool)) return []
    return [['DESTRUCTIVE_NEVER_ASKS', 'it was carried out at once']]
  }
  const faults: [Code, string][] = []
  if (baseline.attempt.isCarriedOut) faults.push(['CONFIRMATION_IGNORED', 'the answer was no, and it was carried out'])
  const unasked = await attempt(probing, tool.name, args, { session: mute })
  if (unasked.outcome === 'done')
    faults.push(['CONFIRMATION_SKIPPED', 'a client that declares no elicitation had it carried out'])
  const asked = await attempt(probing, tool.name, args)
  const yes = answersTo(asked, 'accept')
  for (const [what, extra] of [
    ['with no state', { inputResponses: yes }],
    ['with a made-up state', { inputResponses: yes, requestState: 'cHJlc2hpcA.cHJlc2hpcA' }],
  ] as const) {
    // From a client that cannot ask, as well: there nobody would even see it.
    const ends = [await attempt(probing, tool.name, args, { extra, session: mute })]
    ends.push(await attempt(probing, tool.name, args, { extra }))
    if (ends.some(({ outcome }) => outcome === 'done')) {
      faults.push(['CONFIRMATION_BYPASSED', `a yes that was sent along ${what} had it carried out`])
      break
    }
  }
  return [...faults, ...(await faultsOfState(probing, baseline))]
}

/** In the later era, the question ends the call, and what belongs to it travels through the client. */
async function faultsOfState(probing: Probing, { tool, args }: Baseline): Promise<[Code, string][]> {
  const faults: [Code, string][] = []
  const answer = async (asked: Attempt, action: 'accept' | 'decline', sent: JsonObject): Promise<boolean> => {
    const { requestState, traceId = '' } = asked
    const extra = { inputResponses: answersTo(asked, action), requestState }
    return (await attempt(probing, tool.name, sent, { extra, traceId })).outcome === 'done'
  }
  const declined = await attempt(probing, tool.name, args)
  if (declined.requestState === undefined) return []
  if (await answer(declined, 'decline', args))
    faults.push(['CONFIRMATION_IGNORED', 'the answer was no, and it was carried out'])
  const moved = await attempt(probing, tool.name, args)
  for (const other of otherCalls(tool, args))
    if (await answer(moved, 'accept', other)) {
      faults.push(['CONFIRMATION_NOT_BOUND', 'a yes to one call had another one carried out'])
      break
    }
  const used = await attempt(probing, tool.name, args)
  if (!(await answer(used, 'accept', args))) return faults
  if (await answer(used, 'accept', args))
    faults.push(['CONFIRMATION_REPLAYED', 'the same answer had it carried out a second time'])
  return faults
}

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
  const names = Object.keys(questions)
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
