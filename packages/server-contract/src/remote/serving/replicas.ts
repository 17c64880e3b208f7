import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectRemote, YES } from '../../clients.ts'
import { outputOf } from '../../human.ts'
import { errorCodeOf } from '../../running-server.ts'
import { writeTools } from '../../subject.ts'
import { ask, callConfirmed } from '../confirmed-call.ts'
import { mergedRecords } from '../merged-records.ts'
import { messageOf, RemoteServer } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'
import { RoundRobin } from '../round-robin.ts'
import { hasStore, type Store, startStore } from '../store-process.ts'
import { sealOf } from './answers.ts'

const STATE_KEY = 'facade42'.repeat(8)

/** Several processes of one server behind one address. */
export function describeReplicas(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  const tools = writeTools(subject)
  const reads = subject.tools.filter(({ effect }) => effect === 'read')

  describe('replicas behind a proxy without session affinity', () => {
    let [a, b]: Remote[] = []
    let redis: Store | undefined
    let proxy: RoundRobin
    let token: string
    const replicas = (): [Remote, Remote] => {
      if (!a || !b) throw new Error('the replicas are not running')
      return [a, b]
    }

    beforeAll(async () => {
      token = await world.token(scope)
      if (hasStore && tools.length > 0) redis = await startStore()
      const shared: Record<string, string> = redis ? { MCP_STATE_KEY: STATE_KEY, MCP_STORE_URL: redis.url } : {}
      ;[a, b] = await Promise.all([world.serve(shared), world.serve(shared)])
      proxy = await RoundRobin.start(replicas().map(({ server }) => server))
    })
    afterAll(async () => {
      redis?.wake()
      await proxy.close()
      await Promise.all(replicas().map(({ server }) => server.kill('SIGTERM')))
      await redis?.kill()
    })

    it(`${verifies('P7')} each serve modern requests, and each write their own audit chain`, async () => {
      const before = replicas().map(({ trail }) => trail.records().length)
      const client = await connectRemote('v2', proxy.url, token)
      for (const tool of reads)
        for (let count = 0; count < 4; count += 1) {
          const result = await client.callTool(tool.name, world.valid(tool))
          expect(result.isError, JSON.stringify(result)).not.toBe(true)
        }
      await client.close()
      expect(Math.min(...proxy.counts)).toBeGreaterThan(0)
      const instances = replicas().map(({ trail }, at) => {
        expect(trail.records().length).toBeGreaterThan(before[at] ?? 0)
        return new Set(trail.records().map(({ instance }) => instance))
      })
      for (const instance of instances) expect(instance.size).toBe(1)
      expect(new Set(instances.flatMap(instance => [...instance])).size).toBe(2)
      for (const { trail } of replicas()) expect((await trail.verify()).findings).toEqual([])
    })

    if (tools.length === 0) return

    it.each([
      ['a store without a key', { MCP_STORE_URL: 'redis://127.0.0.1:9' }, 'MCP_STATE_KEY'],
      [
        'a remote store without TLS',
        { MCP_STATE_KEY: STATE_KEY, MCP_STORE_URL: 'redis://store.example.com' },
        'rediss:',
      ],
      [
        'a store whose host name only looks like an address of this machine',
        { MCP_STATE_KEY: STATE_KEY, MCP_STORE_URL: 'redis://127.0.0.1.example.com' },
        'rediss:',
      ],
      [
        'the URL of something else than a store',
        { MCP_STATE_KEY: STATE_KEY, MCP_STORE_URL: 'http://127.0.0.1:9' },
        'MCP_STORE_URL',
      ],
      ['a key that is too short', { MCP_STATE_KEY: 'ab'.repeat(31) }, 'MCP_STATE_KEY'],
    ])(`${verifies('P12')} do not start with %s`, async (_, settings, told) => {
      const server = new RemoteServer(subject.entry, world.remoteEnv(settings))
      world.remotes.push(server)
      expect(await server.exited).toBe(2)
      expect(server.stderr).toContain(told)
      expect(server.stderr).not.toContain(STATE_KEY)
      expect(server.stdout).toBe('')
    })

    it(`${verifies('P12')} with a key but no store accept answers only in the process that asked, and log it`, async () => {
      const [one, other] = await Promise.all([
        world.serve({ MCP_STATE_KEY: STATE_KEY }),
        world.serve({ MCP_STATE_KEY: STATE_KEY }),
      ])
      expect(one.server.stderr).toContain('MCP_STATE_KEY without MCP_STORE_URL')
      for (const tool of tools) {
        const args = world.valid(tool)
        const question = await ask(one.server, token, tool.name, args)
        const arrivals = await world.arrivals(async () => {
          const reply = messageOf(await other.server.call(token, tool.name, args, question.reply(YES)))
          expect(errorCodeOf(reply)).toBe('CONFIRMATION_INVALID')
        })
        expect(arrivals).toEqual([])
        expect(outputOf(messageOf(await one.server.call(token, tool.name, args, question.reply(YES))))).toBeDefined()
      }
      await Promise.all([one.server.kill('SIGTERM'), other.server.kill('SIGTERM')])
    })

    describe.skipIf(!hasStore)('with a key and a store (skipped without /usr/bin/redis-server)', () => {
      const store = (): Store => {
        if (!redis) throw new Error('there is no store')
        return redis
      }

      it.each(tools)(
        `${verifies('P7', 'P12')} accept an answer to a question of another replica: $name`,
        async tool => {
          const args = world.valid(tool)
          const [asked, answered] = replicas()
          const question = await ask(asked.server, token, tool.name, args)
          const traceId = asked.trail.records().at(-1)?.trace?.traceId ?? ''
          const arrivals = await world.arrivals(async () => {
            const reply = messageOf(await answered.server.call(token, tool.name, args, question.reply(YES)))
            expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
          })
          expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)

          // The trace connects the records of both files.
          const records = mergedRecords([answered.trail, asked.trail], traceId)
          expect(records.map(({ event }) => event)).toEqual(['confirm', 'intent', 'outcome'])
          const [confirm, intent, outcome] = records
          expect(intent?.instance).toBe(outcome?.instance)
          expect(confirm?.instance).not.toBe(intent?.instance)
          expect(outcome).toMatchObject({ confirmation: 'elicited', caller: { id: 'ada' } })
          for (const record of records) expect(record.trace?.traceId).toBe(traceId)
        },
      )

      it.each(tools)(`${verifies('P12')} serve an SDK client: $name`, async tool => {
        const client = await connectRemote('v2', proxy.url, token, () => YES)
        const arrivals = await world.arrivals(async () => {
          for (let count = 0; count < 4; count += 1) {
            const result = await client.callTool(tool.name, world.valid(tool))
            expect(result.isError, JSON.stringify(result)).not.toBe(true)
          }
        })
        expect(arrivals).toHaveLength(tool.endpoint ? 4 : 0)
        await client.close()
      })

      it.each(tools)(`${verifies('P12')} accept one answer once, all of them together: $name`, async tool => {
        const args = world.valid(tool)
        const [one, other] = replicas()
        const question = await ask(one.server, token, tool.name, args)
        const arrivals = await world.arrivals(async () => {
          const everywhere = Array.from({ length: 20 }, (_, at) => (at % 2 ? one : other))
          const replies = await Promise.all(
            everywhere.map(async ({ server }) =>
              messageOf(await server.call(token, tool.name, args, question.reply(YES))),
            ),
          )
          expect(replies.filter(reply => outputOf(reply))).toHaveLength(1)
          expect(replies.filter(reply => errorCodeOf(reply) === 'CONFIRMATION_INVALID')).toHaveLength(19)
        })
        expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)
      })

      it.each(tools)(
        `${verifies('P12')} do not accept a seal with another server’s key, or with the key itself: $name`,
        async tool => {
          const args = world.valid(tool)
          const [one, other] = replicas()
          const question = await ask(one.server, token, tool.name, args)
          const answer = question.reply(YES)
          const [body = '', seal = ''] = String(answer.requestState).split('.')
          const bare = Buffer.from(STATE_KEY, 'hex')
          const keyOf = (server: string): Buffer =>
            createHmac('sha256', bare).update(`${server} confirmations v1`).digest()
          // Otherwise the forged seals could be refused for another reason.
          expect(sealOf(body, keyOf(subject.name))).toBe(seal)
          for (const key of [keyOf('another-server'), bare, STATE_KEY]) {
            const forged = { ...answer, requestState: `${body}.${sealOf(body, key)}` }
            expect(errorCodeOf(messageOf(await other.server.call(token, tool.name, args, forged)))).toBe(
              'CONFIRMATION_INVALID',
            )
          }
        },
      )

      describe('whose store is not available', () => {
        const [tool] = tools
        if (!tool) return

        const unavailable = async (remote: Remote, args: unknown, extra = {}): Promise<void> => {
          const before = remote.trail.terminals().length
          const began = performance.now()
          const arrivals = await world.arrivals(async () => {
            const reply = messageOf(await remote.server.call(token, tool.name, args, extra))
            expect(errorCodeOf(reply), JSON.stringify(reply)).toBe('CONFIRMATION_UNAVAILABLE')
          })
          expect(arrivals).toEqual([])
          expect(performance.now() - began).toBeLessThan(5_000)
          expect(remote.trail.terminals().slice(before)).toMatchObject([
            { event: 'denied', confirmation: 'none', error: { code: 'CONFIRMATION_UNAVAILABLE' } },
          ])
        }
        /** The replicas connect again by themselves. */
        const recovered = async (): Promise<void> => {
          for (const remote of replicas()) {
            await expect
              .poll(async () => outputOf(await callConfirmed(remote.server, token, tool.name, world.valid(tool))), {
                timeout: 10_000,
              })
              .toBeDefined()
          }
        }

        it(`${verifies('P12', 'P16')} refuse writes until it is back: killed`, async () => {
          const args = world.valid(tool)
          const [one, other] = replicas()
          const used = await ask(one.server, token, tool.name, args)
          expect(outputOf(messageOf(await other.server.call(token, tool.name, args, used.reply(YES))))).toBeDefined()
          const open = await ask(one.server, token, tool.name, args)
          await store().kill()
          await unavailable(one, args, open.reply(YES))
          await unavailable(other, args, open.reply(YES))
          // A write that would need a confirmation is refused at once.
          await unavailable(one, world.valid(tool))
          for (const read of reads)
            expect(outputOf(messageOf(await one.server.call(token, read.name, world.valid(read))))).toBeDefined()

          // It has lost its data: an answer that was used before must not be accepted again.
          await store().restart()
          await recovered()
          const arrivals = await world.arrivals(async () => {
            for (const { server } of replicas())
              for (const question of [used, open])
                expect(errorCodeOf(messageOf(await server.call(token, tool.name, args, question.reply(YES))))).toBe(
                  'CONFIRMATION_INVALID',
                )
          })
          expect(arrivals).toEqual([])
        })

        it(`${verifies('P12', 'P16')} refuse writes until it is back: suspended`, async () => {
          const args = world.valid(tool)
          const [one, other] = replicas()
          const open = await ask(one.server, token, tool.name, args)
          store().hang()
          await unavailable(one, args, open.reply(YES))
          store().wake()
          await recovered()
          // The store may have executed the command when it continued, so that the answer is used up.
          const arrivals = await world.arrivals(() =>
            Promise.all(replicas().map(({ server }) => server.call(token, tool.name, args, open.reply(YES)))),
          )
          expect(arrivals.length).toBeLessThanOrEqual(1)
          expect(other.server.child.exitCode).toBeNull()
        })

        it(`${verifies('P12', 'P16')} refuse writes until it is back: killed during a request`, async () => {
          const args = world.valid(tool)
          const [one, other] = replicas()
          const open = await ask(one.server, token, tool.name, args)
          store().hang()
          const replies = [one, other].map(({ server }) => server.call(token, tool.name, args, open.reply(YES)))
          await pause(200)
          const arrivals = await world.arrivals(async () => {
            await store().kill()
            for (const reply of await Promise.all(replies))
              expect(errorCodeOf(messageOf(reply))).toBe('CONFIRMATION_UNAVAILABLE')
          })
          expect(arrivals).toEqual([])
          await store().restart()
          await recovered()
        })
      })
    })
  })
}
