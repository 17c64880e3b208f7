// Copied on purpose: a fault here must stay here.

/** What this server cannot work without; each rejects, or throws, if it is not there. */
export type Dependencies = Readonly<Record<string, () => unknown>>

/** What an orchestrator is told: names and words, nothing of addresses, causes or keys. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>
}

/** Anybody may ask, and asking must cost nothing: an answer stands for as long. */
const STANDS_MS = 2_000
const TIMEOUT_MS = 5_000

/**
 * @param wanted shown too, but a server without them is ready for most of its work
 * @param onFault told, for the operator, why something is not there
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
      await Promise.race([(async () => reach())(), late])
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
