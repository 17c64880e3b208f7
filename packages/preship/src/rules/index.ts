import * as addresses from './addresses.ts'
import * as anomalies from './anomalies.ts'
import * as bounds from './bounds.ts'
import * as concern from './concern.ts'
import * as costs from './costs.ts'
import * as descriptions from './descriptions.ts'
import * as hiddenText from './hidden-text.ts'
import * as injected from './injected.ts'
import * as interpreted from './interpreted.ts'
import * as labels from './labels.ts'
import * as names from './names.ts'
import * as openShapes from './open-shapes.ts'
import * as passThrough from './pass-through.ts'
import * as publishedText from './published-text.ts'
import type { Rule } from './rule.ts'
import * as schemas from './schemas.ts'
import * as selfConfirmation from './self-confirmation.ts'

/** The maximum number of findings per code. More of them tell nothing new. */
const MAX_FINDINGS_PER_CODE = 500

/** All rules, in the order in which their findings are shown. */
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
  anomalies.anomalies,
]

export const RULES: readonly Rule[] = ALL.map(bounded)

function bounded(rule: Rule): Rule {
  return (surface, neighbours) => {
    const counts = new Map<string, number>()
    return rule(surface, neighbours).filter(({ code }) => {
      const count = (counts.get(code) ?? 0) + 1
      counts.set(code, count)
      return count <= MAX_FINDINGS_PER_CODE
    })
  }
}

/** All findings of the rules, by code. */
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
  ...anomalies.KINDS,
}
