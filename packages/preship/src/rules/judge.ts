import { CATALOGUE } from '../catalogue.ts'
import type { Evidence, Item, Result } from '../finding.ts'
import { fieldsOf, type Surface } from '../surface.ts'
import { needsTokenCount } from './costs.ts'
import { RULES } from './index.ts'
import type { Neighbour } from './rule.ts'
import { loadTokens } from './tokens.ts'

/** Applies all rules to a surface. For questions without findings, adds evidence for “pass”. */
export async function judgeSurface(
  surface: Surface,
  neighbours: readonly Neighbour[],
  isLocal: boolean,
): Promise<Result> {
  if (needsTokenCount(surface)) await loadTokens()
  const findings = RULES.flatMap(rule => rule(surface, neighbours))
  const isClean = (item: Item): boolean =>
    !findings.some(({ code }) => CATALOGUE[code]?.item === item && CATALOGUE[code]?.severity !== 'note')
  const evidence: Evidence[] = []
  const { tools } = surface
  if (tools.length > 0 && isClean(1)) {
    const fields = tools.flatMap(fieldsOf).length
    evidence.push({
      item: 1,
      text: `${count(fields, 'input')} of ${count(tools.length, 'tool')}: all bounded; no query language, command, URL, path or untyped object`,
    })
  }
  if (tools.length > 0 && isClean(6)) {
    const writing = tools.filter(({ annotations }) => annotations.readOnlyHint !== true).length
    const text = `${count(tools.length, 'tool')} with annotations that match their names and descriptions; ${writing} of them write`
    evidence.push({ item: 6, text })
  }
  if (isLocal)
    evidence.push({
      item: 8,
      text: 'the client starts this local server and is its only caller, so no authorization is needed',
    })
  return { findings, evidence }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
