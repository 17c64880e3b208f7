import { CATALOGUE } from './catalogue.ts'
import { ITEMS, type Item, type Result } from './finding.ts'

/** `person`: nothing that a program can see answers it. */
export type Answer = 'pass' | 'fail' | 'person'

export interface ItemVerdict {
  readonly item: Item
  readonly question: string
  readonly answer: Answer
  readonly evidence: readonly string[]
  /** Codes of the findings that answer it with no, or that a person has to judge. */
  readonly codes: readonly string[]
}

/** Which questions the examination was able to ask at all. */
export type Asked = Readonly<Record<Item, boolean>>

/** Answers the eight questions. A question that was asked and brought nothing to light is answered with yes. */
export function verdictOf({ findings, evidence }: Result, asked: Asked): ItemVerdict[] {
  return (Object.keys(ITEMS) as unknown as Item[]).map(key => {
    const item = Number(key) as Item
    const own = findings.filter(({ code }) => CATALOGUE[code]?.item === item)
    const worst = (severity: string): boolean => own.some(({ code }) => CATALOGUE[code]?.severity === severity)
    const answer: Answer = worst('error') ? 'fail' : worst('warning') || !asked[item] ? 'person' : 'pass'
    return {
      item,
      question: ITEMS[item],
      answer,
      evidence: evidence.filter(each => each.item === item).map(({ text }) => text),
      codes: [...new Set(own.map(({ code }) => code))],
    }
  })
}
