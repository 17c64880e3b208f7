import { CATALOGUE, kindOf } from './catalogue.ts'
import { UsageError } from './command-line.ts'
import { ITEMS, type Item } from './finding.ts'

/** What a kind of finding means; without a code, what there is. @throws {UsageError} */
export function explain(code: string | undefined): string {
  if (code !== undefined) {
    const known = code.toUpperCase()
    if (!Object.hasOwn(CATALOGUE, known)) throw new UsageError(`there is no ${code}: preship explain lists all`)
    const { item, severity, title, why, narrow } = kindOf(known)
    return `${known} (${severity}): ${title}\n\nasked by: ${item} ${ITEMS[item]}\nwhy: ${why}\nnarrow it: ${narrow}\n`
  }
  const lines = Object.entries(ITEMS).flatMap(([item, question]) => [
    `${item} ${question}`,
    ...Object.entries(CATALOGUE)
      .filter(([, kind]) => kind.item === (Number(item) as Item))
      .map(([each, { severity, title }]) => `    ${each} (${severity}): ${title}`),
  ])
  return `${lines.join('\n')}\n`
}
