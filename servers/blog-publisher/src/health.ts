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

/** @param onFault told, for the operator, why something is not there */
export function createReadiness(dependencies: Dependencies, onFault: (fault: Error, name: string) => void) {
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

  return async (): Promise<Readiness> => {
    if (!answer || performance.now() - asked > STANDS_MS) {
      asked = performance.now()
      answer = Promise.all(Object.entries(dependencies).map(([name, reach]) => judge(name, reach))).then(results => ({
        ready: results.every(([, state]) => state === 'ok'),
        checks: Object.fromEntries(results),
      }))
    }
    return await answer
  }
}
