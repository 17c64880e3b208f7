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

/** Every rule, in the order in which their findings are shown. */
export const RULES: readonly Rule[] = [
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
