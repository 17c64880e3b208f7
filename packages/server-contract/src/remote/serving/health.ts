import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { HostileBackend, sendJson } from '../../hostile-backend.ts'
import { writeTools } from '../../subject.ts'
import type { Reply } from '../remote-server.ts'
import type { Remote, RemoteWorld } from '../remote-world.ts'
import { hasStore, type Store, startStore } from '../store-process.ts'
import { TokenIssuer } from '../token-issuer.ts'

const STATE_KEY = 'facade42'.repeat(8)

/** A server and its own dependencies. */
interface Dependencies {
  readonly remote: Remote
  readonly backend: HostileBackend
  readonly issuer: TokenIssuer
  readonly redis: Store | undefined
}

interface Fault {
  readonly name: 'audit' | 'backend' | 'issuer' | 'store'
  readonly title: string
  fail(around: Dependencies): unknown
  /** Undefined if only a restart of the server helps. */
  repair?(around: Dependencies): unknown
}

const FAULTS: readonly Fault[] = [
  {
    name: 'backend',
    title: 'rejects the key',
    fail({ backend }) {
      backend.behave = response => sendJson(response, 401, '{"hint":"the secret is wrong"}')
    },
    repair: ({ backend }) => backend.recover(),
  },
  {
    name: 'backend',
    title: 'does not reply',
    fail({ backend }) {
      backend.behave = () => {}
    },
    repair: ({ backend }) => backend.recover(),
  },
  { name: 'audit', title: 'file was deleted', fail: ({ remote }) => rmSync(remote.trail.file) },
  {
    name: 'issuer',
    title: 'does not listen',
    fail: ({ issuer }) => issuer.close(),
    repair: ({ issuer }) => issuer.listen(),
  },
  {
    name: 'issuer',
    title: 'replies with errors',
    fail({ issuer }) {
      issuer.fault = 'refuses'
    },
    repair({ issuer }) {
      issuer.fault = undefined
    },
  },
  {
    name: 'issuer',
    title: 'does not reply',
    fail({ issuer }) {
      issuer.fault = 'hangs'
    },
    repair({ issuer }) {
      issuer.fault = undefined
    },
  },
  {
    name: 'issuer',
    title: 'has the metadata of another issuer',
    fail({ issuer }) {
      issuer.fault = 'lies'
    },
    repair({ issuer }) {
      issuer.fault = undefined
    },
  },
  {
    name: 'store',
    title: 'does not listen',
    fail: ({ redis }) => redis?.kill(),
    repair: ({ redis }) => redis?.restart(),
  },
  { name: 'store', title: 'does not reply', fail: ({ redis }) => redis?.hang(), repair: ({ redis }) => redis?.wake() },
]

/** The health endpoints. */
export function describeHealth(world: RemoteWorld): void {
  const { subject } = world
  const usesStore = hasStore && writeTools(subject).length > 0

  const within = async (work: (around: Dependencies) => Promise<void>): Promise<void> => {
    const backend = await HostileBackend.start(world.access)
    const issuer = new TokenIssuer()
    await issuer.open()
    const redis = usesStore ? await startStore() : undefined
    const remote = await world.serve({
      [`${subject.prefix}_API_URL`]: backend.url,
      [`${subject.prefix}_API_TIMEOUT_MS`]: '2000',
      OAUTH_ISSUER: issuer.url,
      ...(redis && { MCP_STATE_KEY: STATE_KEY, MCP_STORE_URL: redis.url }),
    })
    try {
      await work({ remote, backend, issuer, redis })
    } finally {
      redis?.wake()
      await remote.server.kill('SIGTERM')
      await Promise.all([backend.close(), issuer.close(), redis?.kill()])
    }
  }
  const all: Record<string, string> = { backend: 'ok', audit: 'ok', issuer: 'ok', ...(usesStore && { store: 'ok' }) }
  const ask = ({ remote }: Dependencies): Promise<Reply> => remote.server.send('GET', '/readyz')
  const checksOf = ({ text }: Reply): unknown => (JSON.parse(text) as { checks: unknown }).checks

  describe('the health of a server', () => {
    it('is ready if all dependencies are available', async () => {
      await within(async around => {
        const reply = await ask(around)
        expect(reply.status).toBe(200)
        expect(JSON.parse(reply.text)).toEqual({ ready: true, checks: all })
        expect(reply.headers['cache-control']).toBe('no-store')
        expect(await around.remote.server.send('GET', '/healthz')).toMatchObject({
          status: 200,
          text: '{"alive":true}',
        })
        for (const [method, path] of [
          ['POST', '/readyz'],
          ['DELETE', '/healthz'],
          ['GET', '/readyz/'],
          ['GET', '/healthz/../mcp'],
          ['GET', '/metrics'],
        ] as const)
          expect((await around.remote.server.send(method, path)).status).toBe(404)
      })
    })

    const faults = FAULTS.filter(({ name }) => usesStore || name !== 'store')
    it.concurrent.for(faults)(
      `${verifies('P5', 'P16')} names the dependency that is not available, without details: $name $title`,
      async ({ name, fail, repair }, { expect }) => {
        await within(async around => {
          await fail(around)
          const reply = await ask(around)
          // Without the store only confirmations fail.
          const ready = name === 'store'
          expect(reply.status).toBe(ready ? 200 : 503)
          expect(JSON.parse(reply.text)).toEqual({ ready, checks: { ...all, [name]: 'failed' } })
          for (const secret of [world.access.key, world.folder, '127.0.0.1', 'localhost', 'http', STATE_KEY, 'secret'])
            expect(reply.text).not.toContain(secret)
          for (const secret of [world.access.key, world.auditKey, STATE_KEY])
            expect(around.remote.server.stderr).not.toContain(secret)
          // It is alive, because a restart would not help.
          expect((await around.remote.server.send('GET', '/healthz')).status).toBe(200)
          if (!repair) return
          await repair(around)
          // The result is cached for two seconds.
          await expect.poll(async () => checksOf(await ask(around)), { timeout: 15_000, interval: 100 }).toEqual(all)
        })
      },
    )

    it(`${verifies('P16')} is checked once for a hundred concurrent requests`, async () => {
      await within(async around => {
        const replies = await Promise.all(Array.from({ length: 100 }, () => ask(around)))
        expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
        expect(around.backend.arrivals).toHaveLength(1)
        // One for the metadata and one for the keys.
        expect(around.issuer.requests).toHaveLength(2)
        // A health request has no audit record.
        expect(around.remote.trail.records().map(({ event }) => event)).toEqual(['start'])
      })
    })
  })
}
