// Copied on purpose: a fault here must stay here.

/** How many there are of each of some things; what there is none of is not kept. */
export interface Tally<K> {
  of(key: K): number
  add(key: K): void
  remove(key: K): void
  keys(): K[]
  /** How many different ones there are. */
  readonly size: number
}

export function createTally<K>(): Tally<K> {
  const counts = new Map<K, number>()
  const of = (key: K): number => counts.get(key) ?? 0
  return {
    of,
    add: key => void counts.set(key, of(key) + 1),
    remove(key) {
      if (of(key) > 1) counts.set(key, of(key) - 1)
      else counts.delete(key)
    },
    keys: () => [...counts.keys()],
    get size() {
      return counts.size
    },
  }
}
