import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasStore, type Store, startStore } from './store-process.ts'

interface SharedSingleUse {
  open(nonce: string, expiresAt: number): Promise<void>
  claim(nonce: string, expiresAt: number, owner: string): Promise<boolean>
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
      for (const nonce of ['one', 'another']) await replicas[1]?.open(nonce, soon())
      const claims = Array.from({ length: 60 }, (_, n) => replicas[n % 3]?.claim('one', soon(), 'ann'))
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
      expect(await replicas[0]?.claim('another', soon(), 'ann')).toBe(true)
      for (const replica of replicas) replica.close()
    })

    it(`${verifies('P13')} are not those of another server that was given the same store`, async () => {
      const [desk, shop] = [connect(store.url, 'desk', () => {}), connect(store.url, 'shop', () => {})]
      await desk.open('same', soon())
      expect([await shop.claim('same', soon(), 'ann'), await desk.claim('same', soon(), 'ann')]).toEqual([false, true])
      await Promise.all([desk.open('again', soon()), shop.open('again', soon())])
      expect([await desk.claim('again', soon(), 'ann'), await shop.claim('again', soon(), 'ann')]).toEqual([true, true])
      desk.close()
      shop.close()
    })

    it(`${verifies('P12')} do not count while the store is away, and do again once it is back`, async () => {
      let own = await startStore()
      const faults: Error[] = []
      const shared = connect(own.url, 'desk', fault => faults.push(fault))
      for (const nonce of ['before', 'still open']) await shared.open(nonce, soon())
      expect(await shared.claim('before', soon(), 'ann')).toBe(true)
      await own.kill()
      const startedAt = performance.now()
      await expect(shared.claim('meanwhile', soon(), 'ann')).rejects.toThrow()
      await expect(shared.open('meanwhile', soon())).rejects.toThrow()
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
      // It came back empty. What was used must not count again, though what was not is lost with it.
      for (const nonce of ['before', 'still open', 'meanwhile', 'never asked'])
        expect(await shared.claim(nonce, soon(), 'ann')).toBe(false)
      await shared.open('after', soon())
      expect(await shared.claim('after', soon(), 'ann')).toBe(true)
      expect(faults.length).toBeGreaterThan(0)
      shared.close()
      await own.kill()
    })

    it(`${verifies('P5', 'P11')} never show the store’s password: a library notes on its errors what it sent`, async () => {
      const own = await startStore({ password: 'right' })
      const faults: unknown[] = []
      const url = own.url.replace('right', 'wr0ng-pa55word')
      const shared = connect(url, 'desk', fault => faults.push(fault))
      faults.push(await shared.open('one', soon()).catch(error => error))
      faults.push(await shared.claim('one', soon(), 'ann').catch(error => error))
      faults.push(await shared.reach().catch(error => error))
      expect(faults.length).toBeGreaterThan(2)
      expect(inspect(faults, { depth: 10, showHidden: true })).not.toContain('wr0ng-pa55word')
      shared.close()
      await own.kill()
    })
  })
}
