import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_LINES, type ClientLine, type Connected, connectRemote, type Human, NO, YES } from '../../clients.ts'
import { writeTools } from '../../subject.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** The clients of the official SDK, from the connection to a confirmed write. */
export function describeClients(world: RemoteWorld): void {
  const { subject } = world
  const writes = writeTools(subject)
  const reads = subject.tools.filter(({ effect }) => effect === 'read')

  describe('an SDK client', () => {
    let remote: Remote
    let token: string
    beforeAll(async () => {
      remote = await world.serve()
      token = await world.token(scopesOf(subject).join(' '))
    })
    afterAll(() => remote.server.kill('SIGTERM'))

    const withClient = async <T>(
      line: ClientLine,
      human: Human,
      work: (client: Connected) => Promise<T>,
    ): Promise<T> => {
      const client = await connectRemote(line, remote.server.url, token, human)
      try {
        return await work(client)
      } finally {
        await client.close()
      }
    }

    it.each(CLIENT_LINES)(`${verifies('P15')} of version %s lists the tools and can read`, async line => {
      await withClient(line, undefined, async client => {
        expect((await client.listTools()).map(({ name }) => name)).toEqual(subject.tools.map(({ name }) => name))
        for (const tool of reads) {
          const result = await client.callTool(tool.name, world.valid(tool))
          expect(result.isError, JSON.stringify(result)).not.toBe(true)
          expect(result.structuredContent).toBeDefined()
        }
      })
      const last = remote.trail.records().at(-1)
      expect(last?.caller).toMatchObject({
        kind: 'oauth',
        id: 'ada',
        clientId: 'contract-client',
        client: { name: `contract-${line}` },
      })
    })

    if (writes.length === 0) return
    const written = writes.map(tool => tool.name)

    describe.each(CLIENT_LINES)('of version %s', line => {
      it.each(writes)(`${verifies('P7', 'P12')} executes $name once after a confirmation`, async tool => {
        const questions: string[] = []
        const yes = (message: string) => {
          questions.push(message)
          return YES
        }
        const args = world.valid(tool)
        const before = remote.trail.records().length
        const arrivals = await world.arrivals(() =>
          withClient(line, yes, async client => {
            const result = await client.callTool(tool.name, args)
            expect(result.isError, JSON.stringify(result)).not.toBe(true)
          }),
        )
        expect(questions).toHaveLength(1)
        for (const value of Object.values(args)) expect(questions[0]).toContain(value)
        expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)
        const records = remote.trail.records().slice(before)
        expect(records.map(({ event }) => event)).toEqual(['confirm', 'intent', 'outcome'])
        expect(new Set(records.map(({ trace }) => trace?.traceId)).size).toBe(1)
        expect(records.at(-1)).toMatchObject({ confirmation: 'elicited', caller: { kind: 'oauth', id: 'ada' } })
      })

      it(`${verifies('P12')} executes nothing after a no, or without elicitation`, async () => {
        for (const [human, code] of [
          [() => NO, 'CONFIRMATION_DECLINED'],
          [() => ({ action: 'cancel' }) as const, 'CONFIRMATION_DECLINED'],
          [undefined, 'CONFIRMATION_UNAVAILABLE'],
        ] as const) {
          const arrivals = await world.arrivals(() =>
            withClient(line, human, async client => {
              for (const tool of writes) {
                const result = await client.callTool(tool.name, world.valid(tool))
                expect(result).toMatchObject({ isError: true, _meta: { code } })
              }
            }),
          )
          expect(arrivals).toEqual([])
        }
        expect(written).toContain(remote.trail.records().at(-1)?.tool)
      })
    })
  })
}
