import type { Rule } from './rule.ts'

/** Every rule, in the order in which their findings are shown. */
export const RULES: readonly Rule[] = []
