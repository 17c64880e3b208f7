/** `pnpm soak guardrails` sets it, so that tests by repeated trials run at full length. */
const isSoak = process.env.SOAK === '1'

export interface Trials {
  readonly count: number
  /** Ends the test's title, for example `(100,000 reads)`. `pnpm soak guardrails` selects tests by it. */
  readonly label: string
}

/**
 * How often a test repeats its trial: `short` times in `npm test`, `full` times in `pnpm soak guardrails`.
 *
 * @param unit the plural of what is counted
 */
export function trials(unit: string, { short, full }: { short: number; full: number }): Trials {
  const count = isSoak ? full : short
  return { count, label: `(${count.toLocaleString('en')} ${unit})` }
}
