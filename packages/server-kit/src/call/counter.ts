/** Counts per key. A key whose count is zero is not kept. */
export interface Counter<K> {
  of(key: K): number
  add(key: K): void
  remove(key: K): void
  keys(): K[]
  /** How many keys have a count. */
  readonly size: number
}

export function createCounter<K>(): Counter<K> {
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
