import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How many of these objects are still reachable. */
export async function countReachable(references: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What is looked at through a WeakRef stays reachable until the next turn.
  await nextTurn()
  collect()
  return references.filter(reference => reference.deref() !== undefined).length
}
