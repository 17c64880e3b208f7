import * as addresses from './addresses.ts'
import * as bounds from './bounds.ts'
import * as concern from './concern.ts'
import * as costs from './costs.ts'
import * as descriptions from './descriptions.ts'
import * as hiddenText from './hidden-text.ts'
import * as injected from './injected.ts'
import * as interpreted from './interpreted.ts'
import * as labels from './labels.ts'
import * as names from './names.ts'
import * as oddities from './oddities.ts'
import * as openShapes from './open-shapes.ts'
import * as passThrough from './pass-through.ts'
import * as publishedText from './published-text.ts'
import type { Rule } from './rule.ts'
import * as schemas from './schemas.ts'
import * as selfConfirmation from './self-confirmation.ts'

/** Findings of one kind: more of them tell nothing new, and somebody has to read them. */
const MOST_OF_A_KIND = 500

/** Every rule, in the order in which their findings are shown. */
const ALL: readonly Rule[] = [
  injected.injected,
  hiddenText.hiddenText,
  names.names,
  interpreted.interpreted,
  addresses.addresses,
  passThrough.passThrough,
  openShapes.openShapes,
  publishedText.publishedText,
  selfConfirmation.selfConfirmation,
  labels.labels,
  schemas.schemas,
  bounds.bounds,
  descriptions.descriptions,
  concern.concern,
  costs.costs,
  oddities.oddities,
]

export const RULES: readonly Rule[] = ALL.map(bounded)

function bounded(rule: Rule): Rule {
  return (surface, neighbours) => {
    const counts = new Map<string, number>()
    return rule(surface, neighbours).filter(({ code }) => {
      const count = (counts.get(code) ?? 0) + 1
      counts.set(code, count)
      return count <= MOST_OF_A_KIND
    })
  }
}

/** What the rules can find. */
export const RULE_KINDS = {
  ...injected.KINDS,
  ...hiddenText.KINDS,
  ...names.KINDS,
  ...interpreted.KINDS,
  ...addresses.KINDS,
  ...passThrough.KINDS,
  ...openShapes.KINDS,
  ...publishedText.KINDS,
  ...selfConfirmation.KINDS,
  ...labels.KINDS,
  ...schemas.KINDS,
  ...bounds.KINDS,
  ...descriptions.KINDS,
  ...concern.KINDS,
  ...costs.KINDS,
  ...oddities.KINDS,
}
