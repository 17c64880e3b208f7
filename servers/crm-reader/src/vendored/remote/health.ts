/** What a server depends on, by name. Each function rejects or throws if the dependency is not available. */
export type Dependencies = Readonly<Record<string, () => unknown>>

/** What `/readyz` answers. Anyone can ask, so it contains no address, no cause and no key. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>
}

/** An answer is reused for this long: anyone can ask, and questions must not become load on the dependencies. */
const STANDS_MS = 2_000
const TIMEOUT_MS = 5_000

/**
 * Makes the function that answers `/readyz`.
 *
 * @param dependencies what the server cannot work without: it is ready only if all of these are available
 * @param wanted optional dependencies. They are reported, but the server is ready without them
 * @param onFault called with the reason why a dependency is not available, for the operator’s log
 */
export function createReadiness(
  dependencies: Dependencies,
  wanted: Dependencies,
  onFault: (fault: Error, name: string) => void,
) {
  let asked = Number.NEGATIVE_INFINITY
  let answer: Promise<Readiness> | undefined

  const judge = async (name: string, reach: () => unknown): Promise<[string, 'ok' | 'failed']> => {
    let timer: NodeJS.Timeout | undefined
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
      })
      await Promise.race([reach(), late])
      return [name, 'ok']
    } catch (fault) {
      onFault(fault as Error, name)
      return [name, 'failed']
    } finally {
      clearTimeout(timer)
    }
  }

  const judgeAll = async (): Promise<Readiness> => {
    const all = Object.entries({ ...dependencies, ...wanted })
    const checks = Object.fromEntries(await Promise.all(all.map(([name, reach]) => judge(name, reach))))
    return { ready: Object.keys(dependencies).every(name => checks[name] === 'ok'), checks }
  }

  return async (): Promise<Readiness> => {
    if (!answer || performance.now() - asked > STANDS_MS) {
      asked = performance.now()
      answer = judgeAll()
    }
    return await answer
  }
}
