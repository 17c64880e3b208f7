import type { Evidence, Finding, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { ArgumentCode } from './argument-kinds.ts'
import { type Attempt, attempt } from './attempt.ts'
import { type Baseline, baselinesOf, works } from './baseline.ts'
import type { Probing } from './probe.ts'
import { spoiledCalls } from './spoiled-calls.ts'

/** Spoils one thing at a time of a call that works, and sees whether the handler minds. */
export async function argumentsProbe(probing: Probing): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  for (const baseline of await baselinesOf(probing)) {
    if (probing.isLate()) break
    const tally = { refused: 0, unclear: 0, total: 0 }
    const found = new Set<string>()
    for (const { code, field, what, args } of spoiledCalls(baseline)) {
      if (probing.isLate()) break
      if (found.has(code) || (code === 'PROTOTYPE_KEY_ACCEPTED' && UNKNOWN.some(each => found.has(each)))) continue
      const end = await attempt(probing, baseline.tool.name, args)
      const judged = judge(end, baseline, code)
      tally.total += 1
      if (judged === 'refused') tally.refused += 1
      else if (judged === 'unclear') tally.unclear += 1
      else if (!found.has(judged)) {
        found.add(judged)
        const message = `${MEANS[judged] ?? 'it accepted'} ${what}${field ? ` in ${plain(field, 80)}` : ''}`
        findings.push({ code: judged, tool: plain(baseline.tool.name, 80), ...(field && { field }), message })
      }
    }
    evidence.push({ item: 2, text: told(baseline, tally) })
  }
  return { findings, evidence }
}

/** Where any other argument is accepted as well, one of the language's is only one more. */
const UNKNOWN: readonly ArgumentCode[] = ['ARGUMENT_UNKNOWN_ACCEPTED', 'ARGUMENT_UNKNOWN_IGNORED']

const MEANS: Readonly<Record<string, string>> = {
  REFUSAL_AS_SUCCESS: 'it refused in words, and reported a success:',
  CALL_UNANSWERED: 'it gave no answer to',
}

/** A refusal that is word for word the one of a call with nothing spoiled says nothing of what was spoiled. */
function judge(end: Attempt, baseline: Baseline, code: ArgumentCode): ArgumentCode | 'refused' | 'unclear' {
  if (end.outcome === 'prose') return 'REFUSAL_AS_SUCCESS'
  if (end.outcome === 'unanswered') return 'CALL_UNANSWERED'
  if (end.outcome !== 'refused') return code
  return !works(baseline) && end.text === baseline.attempt.text ? 'unclear' : 'refused'
}

function told(baseline: Baseline, tally: { refused: number; unclear: number; total: number }): string {
  const name = plain(baseline.tool.name, 80)
  const counted = `${name}: ${tally.refused} of ${tally.total} spoiled calls were refused`
  if (works(baseline)) return counted
  const why = plain(baseline.attempt.text, 100)
  return `${counted}, ${tally.unclear} with the same words as a whole call (“${why}”): no call was found that works`
}
