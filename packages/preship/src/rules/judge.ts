import { CATALOGUE } from '../catalogue.ts'
import type { Evidence, Item, Result } from '../finding.ts'
import { fieldsOf, type Surface } from '../surface.ts'
import { RULES } from './index.ts'
import type { Neighbour } from './rule.ts'
import { loadTokens } from './tokens.ts'

/** Judges a surface by what it says: what speaks against it, and where nothing does, what speaks for it. */
export async function judgeSurface(
  surface: Surface,
  neighbours: readonly Neighbour[],
  isLocal: boolean,
): Promise<Result> {
  await loadTokens()
  const findings = RULES.flatMap(rule => rule(surface, neighbours))
  const isClean = (item: Item): boolean =>
    !findings.some(({ code }) => CATALOGUE[code]?.item === item && CATALOGUE[code]?.severity !== 'note')
  const evidence: Evidence[] = []
  const { tools } = surface
  if (tools.length > 0 && isClean(1)) {
    const fields = tools.flatMap(fieldsOf).length
    evidence.push({
      item: 1,
      text: `${count(fields, 'input')} of ${count(tools.length, 'tool')}: each bounded; no language, command, address, path or shapeless object`,
    })
  }
  if (tools.length > 0 && isClean(6)) {
    const writing = tools.filter(({ annotations }) => annotations.readOnlyHint !== true).length
    const text = `${count(tools.length, 'tool')} with annotations that fit their words; ${writing} of them write, and say so`
    evidence.push({ item: 6, text })
  }
  if (isLocal)
    evidence.push({ item: 8, text: 'its client starts it and is its only caller: nobody else has to be let in' })
  return { findings, evidence }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
