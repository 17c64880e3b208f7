/** The value below which a share `q` of the samples lies. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position % 1)
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** The same figure of two subjects, round by round: what disturbs a round disturbs both of its sides. */
export interface Paired {
  readonly ours: number[]
  readonly bare: number[]
}

/** Ours as a multiple of bare's, in each round. */
export function ratios({ ours, bare }: Paired): number[] {
  return ours.map((value, round) => value / (bare[round] ?? Number.NaN))
}

/** One figure of two subjects' many. */
export function pair<Figure extends string>(
  ours: Readonly<Record<Figure, number[]>>,
  bare: Readonly<Record<Figure, number[]>>,
  figure: Figure,
): Paired {
  return { ours: ours[figure], bare: bare[figure] }
}
