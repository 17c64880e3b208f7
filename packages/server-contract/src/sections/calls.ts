import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_LINES, YES } from '../clients.ts'
import { callWithHuman, outputOf } from '../human.ts'
import { reachingTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

/** The only headers that a request to the backend may have. */
const HEADERS = [
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'sec-fetch-mode',
  'traceparent',
  'user-agent',
  'x-request-id',
]

const INVALID_TRACEPARENTS: readonly unknown[] = [
  'garbage',
  '',
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
  'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nX-Injected: 1',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
  `00-${'a'.repeat(1024 * 1024)}`,
  7,
  null,
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  { toString: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
]

/** Calls with valid arguments. */
export function describeCalls(world: World): void {
  const { subject } = world

  describe.each(CLIENT_LINES)('a call from a %s client', line => {
    let connection: Awaited<ReturnType<World['connect']>>
    beforeAll(async () => {
      connection = await world.connect(line, () => YES)
      // After this, the client validates each result against the output schema.
      await connection.client.listTools()
    })
    afterAll(() => connection.client.close())

    it.each(subject.tools)(
      `${verifies('P7', 'P17')} of $name succeeds, and its trace leads to the request at the backend`,
      async tool => {
        const { client, trail } = connection
        const traceId = '0af7651916cd43dd8448eb211c80319c'
        const traceparent = `00-${traceId}-b7ad6b7169203331-01`
        let result: Awaited<ReturnType<typeof client.callTool>> | undefined
        const arrivals = await world.arrivals(async () => {
          result = await client.callTool(tool.name, world.valid(tool), { traceparent })
        })

        expect(result?.isError, JSON.stringify(result)).toBeFalsy()
        expect(result?.content).toHaveLength(1)
        expect(JSON.parse(result?.content[0]?.text ?? '')).toEqual(result?.structuredContent)

        const outcome = trail.terminals().findLast(({ event }) => event === 'outcome')
        expect(outcome).toMatchObject({ tool: tool.name, trace: { traceId } })
        expect(arrivals.map(({ method, route }) => templateOf(method, route))).toEqual(
          tool.endpoint === undefined ? [] : [tool.endpoint],
        )
        for (const { requestId, traceparent: passedOn } of arrivals) {
          expect(requestId).toBe(outcome?.callId)
          expect(TRACEPARENT.exec(passedOn ?? '')?.[1]).toBe(traceId)
          expect(passedOn, 'the span is new').not.toBe(traceparent)
        }
      },
    )
  })

  describe.each(['legacy', 'modern'] as const)('the trace of a call (%s era)', era => {
    let launched: Launched
    beforeAll(async () => {
      launched = await world.start(era)
    })
    afterAll(() => launched.server.end())

    it.each(reachingTools(subject))(`${verifies('P7')} is new if the traceparent is invalid: $name`, async tool => {
      const { server, trail } = launched
      for (const traceparent of INVALID_TRACEPARENTS) {
        const arrivals = await world.arrivals(async () => {
          const reply = await callWithHuman(server, tool.name, world.valid(tool), { _meta: { traceparent } })
          expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
        })
        const outcome = trail.terminals().at(-1)
        expect(outcome?.trace).toMatchObject({ source: 'generated' })
        expect(arrivals).toHaveLength(1)
        const traceId = TRACEPARENT.exec(arrivals[0]?.traceparent ?? '')?.[1]
        expect(traceId).toBe(outcome?.trace?.traceId)
        expect(JSON.stringify(traceparent)).not.toContain(traceId)
      }
    })

    it(`${verifies('P5')} is the only metadata of the caller that reaches the backend`, async () => {
      const [tool] = reachingTools(subject)
      if (!tool) return
      const _meta = { tracestate: `x=${world.canary}`, baggage: `key=${world.canary}`, cookie: world.canary }
      const arrivals = await world.arrivals(() =>
        callWithHuman(launched.server, tool.name, world.valid(tool), { _meta }),
      )
      expect(arrivals).toHaveLength(1)
      for (const { headers } of arrivals) expect(headers.filter(name => !HEADERS.includes(name))).toEqual([])
    })
  })
}

/** The endpoint of a request in the demo backend's log, in the form of `ServerSubject.endpoints`. */
export function templateOf(method: string, route: string | null): string {
  return `${method} ${route?.replace(/^\/[a-z]+\/v1/, '').replace(/:(\w+)/g, '{$1}')}`
}
