import { CATALOGUE, kindOf } from './catalogue.ts'
import { UsageError } from './command-line.ts'
import { ITEMS, type Item } from './finding.ts'

/** Explains one finding code, or lists all of them. @throws {UsageError} */
export function explain(code: string | undefined): string {
  if (code !== undefined) {
    const known = code.toUpperCase()
    if (!Object.hasOwn(CATALOGUE, known))
      throw new UsageError(`unknown finding code ${code}: run preship explain to list all codes`)
    const { item, severity, title, why, narrow } = kindOf(known)
    return `${known} (${severity}): ${title}\n\nquestion: ${item} ${ITEMS[item]}\nwhy: ${why}\nfix: ${narrow}\n`
  }
  const lines = Object.entries(ITEMS).flatMap(([item, question]) => [
    `${item} ${question}`,
    ...Object.entries(CATALOGUE)
      .filter(([, kind]) => kind.item === (Number(item) as Item))
      .map(([each, { severity, title }]) => `    ${each} (${severity}): ${title}`),
  ])
  return `${lines.join('\n')}\n`
}
