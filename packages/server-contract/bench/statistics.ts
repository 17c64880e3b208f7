/** The `q`-quantile of the samples, interpolated linearly. */
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

/** One figure per round for both sides. Disturbances in a round affect both sides. */
export interface Paired {
  readonly ours: number[]
  readonly bare: number[]
}

/** Our figure divided by the bare server's, for each round. */
export function ratios({ ours, bare }: Paired): number[] {
  return ours.map((value, round) => value / (bare[round] ?? Number.NaN))
}

/** Selects one figure of both sides. */
export function pair<Figure extends string>(
  ours: Readonly<Record<Figure, number[]>>,
  bare: Readonly<Record<Figure, number[]>>,
  figure: Figure,
): Paired {
  return { ours: ours[figure], bare: bare[figure] }
}
