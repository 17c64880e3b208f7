import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { hasRedis, type RedisProcess, startLossyPath, startRedis } from '../../../test/call/redis-process.ts'
import { connectNonceStore } from './index.ts'
import { connectRedis, type SharedNonceStore } from './redis-nonce-store.ts'

if (!hasRedis) console.warn('redis-server is not there: the nonce store that replicas share is not tested')

const MINUTE = 60_000
const soon = (): number => Date.now() + MINUTE

/** Connects one replica of a server for the time of the test. */
function connectTo(url: string, server = 'desk', onFault: (fault: Error) => void = () => {}): SharedNonceStore {
  const store = connectRedis(url, server, onFault)
  onTestFinished(() => store.close())
  return store
}

async function startOwnRedis(options?: Parameters<typeof startRedis>[0]): Promise<RedisProcess> {
  const redis = await startRedis(options)
  onTestFinished(() => redis.kill())
  return redis
}

describe.skipIf(!hasRedis)('a nonce store that replicas share', () => {
  let redis: RedisProcess
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.kill())

  it(`${verifies('P12')} accepts one of many claims of an open nonce, whichever replicas make them`, async () => {
    const replicas = [1, 2, 3].map(() => connectTo(redis.url))
    for (const nonce of ['one', 'another']) await replicas[1]?.open(nonce, soon())
    const claims = Array.from({ length: 60 }, (_, n) => replicas[n % 3]?.claim('one', soon(), 'ann'))
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
    expect(await replicas[0]?.claim('another', soon(), 'ann')).toBe(true)
  })

  it(`${verifies('P12')} accepts no nonce that was not opened`, async () => {
    expect(await connectTo(redis.url).claim('never opened', soon(), 'ann')).toBe(false)
  })

  it(`${verifies('P13')} does not share nonces with another server that uses the same Redis`, async () => {
    const [desk, shop] = [connectTo(redis.url, 'desk'), connectTo(redis.url, 'shop')]
    await desk.open('same', soon())
    expect([await shop.claim('same', soon(), 'ann'), await desk.claim('same', soon(), 'ann')]).toEqual([false, true])
    await Promise.all([desk.open('again', soon()), shop.open('again', soon())])
    expect([await desk.claim('again', soon(), 'ann'), await shop.claim('again', soon(), 'ann')]).toEqual([true, true])
  })

  it('keeps an open nonce a minute longer than its answer is accepted, and no longer', async () => {
    const store = connectTo(redis.url)
    const client = new Redis(redis.url)
    onTestFinished(() => client.disconnect())
    await store.open('lasting', Date.now() + 5 * MINUTE)
    await store.open('expired', Date.now() - MINUTE)
    for (const [nonce, lifetime] of [
      ['lasting', 6 * MINUTE],
      ['expired', MINUTE],
    ] as const) {
      const left = await client.pttl(`narrow-deputies:desk:open:${nonce}`)
      expect(left).toBeLessThanOrEqual(lifetime)
      expect(left).toBeGreaterThan(lifetime - MINUTE / 2)
    }
  })

  it(`${verifies('P12')} fails while Redis is away, and works again once it is back`, async () => {
    let own = await startOwnRedis()
    const faults: Error[] = []
    const store = connectTo(own.url, 'desk', fault => faults.push(fault))
    for (const nonce of ['before', 'still open']) await store.open(nonce, soon())
    expect(await store.claim('before', soon(), 'ann')).toBe(true)
    await own.kill()
    const startedAt = performance.now()
    await expect(store.claim('meanwhile', soon(), 'ann')).rejects.toThrow()
    await expect(store.open('meanwhile', soon())).rejects.toThrow()
    await expect(store.reach()).rejects.toThrow()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    own = await startOwnRedis({ port: own.port })
    await expect
      .poll(
        () =>
          store.reach().then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true)
    // It came back empty. A used nonce must not count again, even though open ones are lost with it.
    for (const nonce of ['before', 'still open', 'meanwhile', 'never asked'])
      expect(await store.claim(nonce, soon(), 'ann')).toBe(false)
    await store.open('after', soon())
    expect(await store.claim('after', soon(), 'ann')).toBe(true)
    expect(faults.length).toBeGreaterThan(0)
  })

  it(`${verifies('P12')} fails within seconds if Redis does not answer`, async () => {
    const own = await startOwnRedis()
    const store = connectTo(own.url)
    await store.reach()
    own.hang()
    const startedAt = performance.now()
    await Promise.all([
      expect(store.claim('one', soon(), 'ann')).rejects.toThrow(),
      expect(store.open('one', soon())).rejects.toThrow(),
      expect(store.reach()).rejects.toThrow(),
    ])
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  it(`${verifies('P12')} does not repeat a claim whose reply was lost: nobody knows whether it was made`, async () => {
    const path = await startLossyPath(redis.port)
    onTestFinished(() => path.close())
    const [near, far] = [connectTo(redis.url), connectTo(`redis://127.0.0.1:${path.port}`)]
    await near.open('lost', soon())
    await far.reach()
    path.loseNextReply()
    await expect(far.claim('lost', soon(), 'ann')).rejects.toThrow()
    expect(await near.claim('lost', soon(), 'ann')).toBe(false)
  })

  it(`${verifies('P5', 'P11')} never shows its password, though the library notes on its errors what it sent`, async () => {
    const own = await startOwnRedis({ password: 'right' })
    const faults: unknown[] = []
    const url = own.url.replace('right', 'wr0ng-pa55word')
    for (const use of [
      (store: SharedNonceStore) => store.open('one', soon()),
      (store: SharedNonceStore) => store.claim('one', soon(), 'ann'),
      (store: SharedNonceStore) => store.reach(),
    ]) {
      const store = connectTo(url, 'desk', fault => faults.push(fault))
      faults.push(
        await use(store).then(
          () => 'it worked',
          error => error,
        ),
      )
      store.close()
    }
    expect(faults.length).toBeGreaterThan(3)
    for (const fault of faults) {
      expect(fault).toBeInstanceOf(Error)
      expect(Reflect.ownKeys(fault as Error).sort()).toEqual(['message', 'stack'])
    }
    expect(inspect(faults, { depth: 10, showHidden: true })).not.toContain('wr0ng-pa55word')
  })

  it('is usable with the right password, and no longer once it is closed', async () => {
    const own = await startOwnRedis({ password: 'right' })
    const store = await connectNonceStore(own.url, 'desk', () => {})
    await store.open('one', soon())
    expect(await store.claim('one', soon(), 'ann')).toBe(true)
    store.close()
    await expect(store.reach()).rejects.toThrow()
  })
})
