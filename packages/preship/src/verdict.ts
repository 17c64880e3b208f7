import { CATALOGUE } from './catalogue.ts'
import { ITEMS, type Item, type Result } from './finding.ts'

/** `person`: no automatic answer is possible, so a person has to review it. */
export type Answer = 'pass' | 'fail' | 'person'

export interface ItemVerdict {
  readonly item: Item
  readonly question: string
  readonly answer: Answer
  readonly evidence: readonly string[]
  /** The codes of this question’s findings. */
  readonly codes: readonly string[]
}

/** Whether the examination could test each question. */
export type Tested = Readonly<Record<Item, boolean>>

/** Answers the eight questions. A question that was tested without findings is answered with “pass”. */
export function verdictOf({ findings, evidence }: Result, tested: Tested): ItemVerdict[] {
  return (Object.keys(ITEMS) as unknown as Item[]).map(key => {
    const item = Number(key) as Item
    const own = findings.filter(({ code }) => CATALOGUE[code]?.item === item)
    const worst = (severity: string): boolean => own.some(({ code }) => CATALOGUE[code]?.severity === severity)
    const answer: Answer = worst('error') ? 'fail' : worst('warning') || !tested[item] ? 'person' : 'pass'
    return {
      item,
      question: ITEMS[item],
      answer,
      evidence: evidence.filter(each => each.item === item).map(({ text }) => text),
      codes: [...new Set(own.map(({ code }) => code))],
    }
  })
}
