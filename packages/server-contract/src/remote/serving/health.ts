import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { HostileBackend, sendJson } from '../../hostile-backend.ts'
import { writeTools } from '../../subject.ts'
import type { Reply } from '../remote-server.ts'
import type { Remote, RemoteWorld } from '../remote-world.ts'
import { hasStore, type Store, startStore } from '../store-process.ts'
import { TokenIssuer } from '../token-issuer.ts'

const STATE_KEY = 'facade42'.repeat(8)

/** One server, and all that it depends on, each its own. */
interface Surroundings {
  readonly remote: Remote
  readonly backend: HostileBackend
  readonly issuer: TokenIssuer
  readonly redis: Store | undefined
}

interface Fault {
  readonly name: 'audit' | 'backend' | 'issuer' | 'store'
  readonly title: string
  fail(around: Surroundings): unknown
  /** Left out where nothing but a new start helps. */
  mend?(around: Surroundings): unknown
}

const FAULTS: readonly Fault[] = [
  {
    name: 'backend',
    title: 'refuses the key',
    fail({ backend }) {
      backend.behave = response => sendJson(response, 401, '{"hint":"the secret is wrong"}')
    },
    mend: ({ backend }) => backend.recover(),
  },
  {
    name: 'backend',
    title: 'hangs',
    fail({ backend }) {
      backend.behave = () => {}
    },
    mend: ({ backend }) => backend.recover(),
  },
  { name: 'audit', title: 'has lost its file', fail: ({ remote }) => rmSync(remote.trail.file) },
  { name: 'issuer', title: 'is gone', fail: ({ issuer }) => issuer.close(), mend: ({ issuer }) => issuer.listen() },
  {
    name: 'issuer',
    title: 'fails',
    fail({ issuer }) {
      issuer.fault = 'refuses'
    },
    mend({ issuer }) {
      issuer.fault = undefined
    },
  },
  {
    name: 'issuer',
    title: 'hangs',
    fail({ issuer }) {
      issuer.fault = 'hangs'
    },
    mend({ issuer }) {
      issuer.fault = undefined
    },
  },
  {
    name: 'issuer',
    title: 'speaks of others',
    fail({ issuer }) {
      issuer.fault = 'lies'
    },
    mend({ issuer }) {
      issuer.fault = undefined
    },
  },
  { name: 'store', title: 'is gone', fail: ({ redis }) => redis?.kill(), mend: ({ redis }) => redis?.restart() },
  { name: 'store', title: 'hangs', fail: ({ redis }) => redis?.hang(), mend: ({ redis }) => redis?.wake() },
]

/** What an orchestrator is told, and everybody else who asks. */
export function describeHealth(world: RemoteWorld): void {
  const { subject } = world
  const usesStore = hasStore && writeTools(subject).length > 0

  const within = async (work: (around: Surroundings) => Promise<void>): Promise<void> => {
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
  const ask = ({ remote }: Surroundings): Promise<Reply> => remote.server.send('GET', '/readyz')
  const checksOf = ({ text }: Reply): unknown => (JSON.parse(text) as { checks: unknown }).checks

  describe('the health of a server', () => {
    it('is good when everything is there', async () => {
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
      `${verifies('P5', 'P16')} names the one thing that is not there and nothing of it: $name $title`,
      async ({ name, fail, mend }, { expect }) => {
        await within(async around => {
          await fail(around)
          const reply = await ask(around)
          // Without the store nobody's answers count; everything else goes on.
          const ready = name === 'store'
          expect(reply.status).toBe(ready ? 200 : 503)
          expect(JSON.parse(reply.text)).toEqual({ ready, checks: { ...all, [name]: 'failed' } })
          for (const secret of [world.access.key, world.folder, '127.0.0.1', 'localhost', 'http', STATE_KEY, 'secret'])
            expect(reply.text).not.toContain(secret)
          for (const secret of [world.access.key, world.auditKey, STATE_KEY])
            expect(around.remote.server.stderr).not.toContain(secret)
          // It is alive all the same: to start it anew would help nobody.
          expect((await around.remote.server.send('GET', '/healthz')).status).toBe(200)
          if (!mend) return
          await mend(around)
          // The answer before stands for a moment.
          await expect.poll(async () => checksOf(await ask(around)), { timeout: 15_000, interval: 100 }).toEqual(all)
        })
      },
    )

    it(`${verifies('P16')} costs others nothing to ask for: a hundred times at once, and it asks once`, async () => {
      await within(async around => {
        const replies = await Promise.all(Array.from({ length: 100 }, () => ask(around)))
        expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
        expect(around.backend.arrivals).toHaveLength(1)
        // Metadata and keys, as it knew neither before.
        expect(around.issuer.requests).toHaveLength(2)
        // And it writes no records: nobody called anything.
        expect(around.remote.trail.records().map(({ event }) => event)).toEqual(['start'])
      })
    })
  })
}
