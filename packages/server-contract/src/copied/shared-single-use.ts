import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasStore, type Store, startStore } from './store-process.ts'

interface SharedSingleUse {
  claim(nonce: string, expiresAt: number): Promise<boolean>
  reach(): Promise<void>
  close(): void
}

/** What a server's copy has to prove, with a real store. @param connect the copy's own `connectSingleUse` */
export function describeSharedSingleUse(
  connect: (url: string, server: string, onFault: (fault: Error) => void) => SharedSingleUse,
): void {
  if (!hasStore) console.warn('redis-server is not there: what replicas share is not tested')

  describe.skipIf(!hasStore)('answers in a store that replicas share', () => {
    const soon = (): number => Date.now() + 60_000
    let store: Store
    beforeAll(async () => {
      store = await startStore()
    })
    afterAll(() => store.kill())

    it(`${verifies('P12')} are used once, whoever asks, however often at the same time`, async () => {
      const replicas = [1, 2, 3].map(() => connect(store.url, 'desk', () => {}))
      const claims = Array.from({ length: 60 }, (_, n) => replicas[n % 3]?.claim('one', soon()))
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
      expect(await replicas[0]?.claim('another', soon())).toBe(true)
      for (const replica of replicas) replica.close()
    })

    it(`${verifies('P13')} are not those of another server that was given the same store`, async () => {
      const [desk, shop] = [connect(store.url, 'desk', () => {}), connect(store.url, 'shop', () => {})]
      expect([await desk.claim('same', soon()), await shop.claim('same', soon())]).toEqual([true, true])
      desk.close()
      shop.close()
    })

    it(`${verifies('P12')} do not count while the store is away, and do again once it is back`, async () => {
      let own = await startStore()
      const faults: Error[] = []
      const shared = connect(own.url, 'desk', fault => faults.push(fault))
      expect(await shared.claim('before', soon())).toBe(true)
      await own.kill()
      const startedAt = performance.now()
      await expect(shared.claim('meanwhile', soon())).rejects.toThrow()
      await expect(shared.reach()).rejects.toThrow()
      expect(performance.now() - startedAt).toBeLessThan(10_000)
      own = await startStore({ port: own.port })
      await expect
        .poll(
          () =>
            shared.reach().then(
              () => true,
              () => false,
            ),
          { timeout: 15_000 },
        )
        .toBe(true)
      expect(await shared.claim('after', soon())).toBe(true)
      expect(faults.length).toBeGreaterThan(0)
      shared.close()
      await own.kill()
    })

    it(`${verifies('P5', 'P11')} never show the store’s password: a library notes on its errors what it sent`, async () => {
      const own = await startStore({ password: 'right' })
      const faults: unknown[] = []
      const url = own.url.replace('right', 'wr0ng-pa55word')
      const shared = connect(url, 'desk', fault => faults.push(fault))
      faults.push(await shared.claim('one', soon()).catch(error => error))
      faults.push(await shared.reach().catch(error => error))
      expect(faults.length).toBeGreaterThan(2)
      expect(inspect(faults, { depth: 10, showHidden: true })).not.toContain('wr0ng-pa55word')
      shared.close()
      await own.kill()
    })
  })
}
