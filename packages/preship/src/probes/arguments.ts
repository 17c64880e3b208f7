import type { Evidence, Finding, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { ArgumentCode } from './argument-kinds.ts'
import { type Attempt, attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import { invalidCalls } from './invalid-calls.ts'
import type { ProbeContext } from './probe.ts'

/** Changes one argument of a valid call at a time, and checks whether the handler rejects the call. */
export async function argumentsProbe(context: ProbeContext): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  for (const baseline of await baselinesOf(context)) {
    if (context.shouldStop()) break
    const counts = { refused: 0, unclear: 0, total: 0 }
    const found = new Set<string>()
    for (const { code, field, what, args } of invalidCalls(baseline)) {
      if (context.shouldStop()) break
      if (
        found.has(code) ||
        (code === 'PROTOTYPE_KEY_ACCEPTED' && UNKNOWN_ARGUMENT_CODES.some(each => found.has(each)))
      )
        continue
      const end = await attempt(context, baseline.tool.name, args)
      const judged = judge(end, baseline, code)
      counts.total += 1
      if (judged === 'refused') counts.refused += 1
      else if (judged === 'unclear') counts.unclear += 1
      else if (!found.has(judged)) {
        found.add(judged)
        const message = `${OBSERVATION[judged] ?? 'it accepted'} ${what}${field ? ` (${sanitize(field, 80)})` : ''}`
        findings.push({ code: judged, tool: sanitize(baseline.tool.name, 80), ...(field && { field }), message })
      }
    }
    evidence.push({ item: 2, text: describe(baseline, counts) })
  }
  return { findings, evidence }
}

/** If any unknown argument is accepted, accepting `constructor` is the same finding. */
const UNKNOWN_ARGUMENT_CODES: readonly ArgumentCode[] = ['ARGUMENT_UNKNOWN_ACCEPTED', 'ARGUMENT_UNKNOWN_IGNORED']

const OBSERVATION: Readonly<Record<string, string>> = {
  REFUSAL_AS_SUCCESS: 'it refused in the text of a result that reports success:',
  CALL_UNANSWERED: 'it did not answer',
}

/** A refusal with the same text as the unmodified call says nothing about the change. */
function judge(end: Attempt, baseline: Baseline, code: ArgumentCode): ArgumentCode | 'refused' | 'unclear' {
  if (end.outcome === 'prose') return 'REFUSAL_AS_SUCCESS'
  if (end.outcome === 'unanswered') return 'CALL_UNANSWERED'
  if (end.outcome !== 'refused') return code
  return !works(baseline) && end.text === baseline.attempt.text ? 'unclear' : 'refused'
}

function describe(baseline: Baseline, counts: { refused: number; unclear: number; total: number }): string {
  const name = sanitize(baseline.tool.name, 80)
  const counted = `${name}: ${counts.refused} of ${counts.total} invalid calls were refused`
  if (works(baseline)) return counted
  const why = sanitize(baseline.attempt.text, 100)
  return `${counted}, ${counts.unclear} of them with the same text as the unmodified call (“${why}”); preship found no call that succeeds`
}
