import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AlteredReply, DECEPTIVE, trustedTextsOf, withExtraFields, withHostileTexts } from '../altered-replies.ts'
import { type BackendFault, backendFaults, hugeReplies } from '../backend-faults.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { deadUrl, HostileBackend, OtherHost, sendJson } from '../hostile-backend.ts'
import { callWithHuman, outputOf } from '../human.ts'
import { errorCodeOf, type Message } from '../running-server.ts'
import { type ReachingTool, reachingTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

/** For faults that only the timeout can end. */
const SHORT_TIMEOUT_MS = 300

/** For all other faults: the error must not have to wait for the timeout. */
const LONG_TIMEOUT_MS = 30_000

/** The maximum time of a call, with room for a second attempt on a busy machine. */
const LATE_MS = 10_000

const MAX_MEMORY_KB = 250 * 1024

/** What a caller receives when the backend fails or replies with hostile data. */
export function describeBackendFaults(world: World): void {
  const { prefix } = world.subject
  const tools = reachingTools(world.subject)

  describe('a backend that fails', () => {
    let backend: HostileBackend
    let otherHost: OtherHost
    let launched: Launched
    /** A server with a short timeout. */
    let impatient: Launched
    let faults: BackendFault[]
    beforeAll(async () => {
      backend = await HostileBackend.start(world.access)
      otherHost = await OtherHost.start()
      faults = backendFaults({ otherHost: otherHost.url, canary: world.canary })
      const start = (timeoutMs: number): Promise<Launched> =>
        world.start('legacy', {
          env: { [`${prefix}_API_URL`]: backend.url, [`${prefix}_API_TIMEOUT_MS`]: String(timeoutMs) },
        })
      ;[launched, impatient] = await Promise.all([start(LONG_TIMEOUT_MS), start(SHORT_TIMEOUT_MS)])
    })
    afterAll(async () => {
      await Promise.all([launched.server.end(), impatient.server.end()])
      await backend.close()
      await otherHost.close()
    })

    /** Calls a tool while the backend has a fault. Resolves to a line for each thing that is wrong with the reply. */
    const faultsOf = async (tool: ReachingTool, fault: BackendFault, { server }: Launched): Promise<string[]> => {
      backend.behave = fault.behave
      const startedAt = performance.now()
      const reply = await callWithHuman(server, tool.name, world.valid(tool))
      const elapsed = performance.now() - startedAt
      const code = errorCodeOf(reply)
      const told: readonly unknown[] = fault.told[tool.effect === 'read' ? 'read' : 'write']
      const { retryAfterSeconds } = ((reply.result as Message)?._meta ?? {}) as { retryAfterSeconds?: number }
      const [least, most] = fault.retryAfter ?? []
      const found = [
        faultOfRefusal(reply),
        told.includes(code) ? undefined : `the code is ${code}, not ${told.join(' or ')}`,
        leaks(JSON.stringify(reply)) ? 'the reply quotes the backend' : undefined,
        elapsed > LATE_MS ? `it took ${elapsed} ms` : undefined,
        least !== undefined &&
        most !== undefined &&
        !(Number(retryAfterSeconds) >= least && Number(retryAfterSeconds) <= most)
          ? `retryAfterSeconds is ${retryAfterSeconds}, not between ${least} and ${most}`
          : undefined,
        retryAfterSeconds !== undefined && !(Number.isSafeInteger(retryAfterSeconds) && retryAfterSeconds >= 0)
          ? `retryAfterSeconds is ${retryAfterSeconds}`
          : undefined,
      ]
      return found.filter(what => what !== undefined).map(what => `${tool.name}: ${fault.title}: ${what}`)
    }
    const leaks = (text: string): boolean => text.includes(world.canary) || text.includes(world.access.key)

    it.each(tools)(`${verifies('P14', 'P16')} gives the caller of $name a coded error at once`, async tool => {
      const found: string[] = []
      for (const fault of faults.filter(({ hangs }) => !hangs)) found.push(...(await faultsOf(tool, fault, launched)))
      expect(found).toEqual([])
    })

    it(`${verifies('P14', 'P16')} gives every caller a coded error after the timeout, if it does not finish its reply`, async () => {
      const hanging = faults.filter(({ hangs }) => hangs)
      expect(hanging.length).toBeGreaterThan(0)
      for (const fault of hanging)
        expect((await Promise.all(tools.map(tool => faultsOf(tool, fault, impatient)))).flat()).toEqual([])
    })

    it(`${verifies('P14')} receives a write again only with the same idempotency key, and a read never`, () => {
      const byCall = new Map<string, typeof backend.arrivals>()
      for (const arrival of backend.arrivals) {
        const callId = String(arrival.headers['x-request-id'])
        byCall.set(callId, [...(byCall.get(callId) ?? []), arrival])
      }
      expect(byCall.size).toBeGreaterThan(50 * tools.length)
      for (const [, [first, ...more]] of byCall) {
        expect(more.length).toBeLessThanOrEqual(first?.method === 'GET' ? 0 : 1)
        for (const again of more) {
          expect(first?.headers['idempotency-key']).toBeTruthy()
          expect(again).toMatchObject({ method: first?.method, url: first?.url, body: first?.body })
          expect(again.headers['idempotency-key']).toBe(first?.headers['idempotency-key'])
        }
      }
    })

    it(`${verifies('P5', 'P16')} cannot redirect requests, neither to another host nor to another path`, () => {
      expect(otherHost.contacts).toBe(0)
      expect(backend.arrivals.filter(({ url }) => url.includes('elsewhere'))).toEqual([])
      for (const { headers } of backend.arrivals) expect(headers.authorization).toBe(`Bearer ${world.access.key}`)
    })

    it(`${verifies('P11')} is not quoted in the audit log or on standard error`, () => {
      for (const { server, trail } of [launched, impatient]) {
        expect(leaks(trail.text())).toBe(false)
        expect(leaks(server.stderr)).toBe(false)
      }
    })

    it.each(tools)(
      `${verifies('P16', 'P17')} cannot pass text through $name that its schema does not allow`,
      async tool => {
        const found: string[] = []
        const { server, trail } = launched
        const callWith = async (altered: AlteredReply): Promise<void> => {
          backend.behave = response => sendJson(response, 200, altered.text)
          const reply = await callWithHuman(server, tool.name, args)
          found.push(...faultsOfAltered(reply, altered, world.canary))
        }
        // Every call has the same arguments, so that the recorded reply matches them.
        const args = world.valid(tool)
        let real: unknown
        backend.behave = async (response, _, ask) => {
          real = (await ask()).json
          sendJson(response, 200, JSON.stringify(real))
        }
        expect(outputOf(await callWithHuman(server, tool.name, args))).toBeDefined()
        for (const altered of withHostileTexts(real, world.canary)) await callWith(altered)
        for (const altered of withExtraFields(real, world.canary)) {
          await callWith(altered)
          if (!altered.title.startsWith('a prototype')) continue
          // A polluted prototype would change the next reply.
          backend.behave = response => sendJson(response, 200, JSON.stringify(real))
          const next = await callWithHuman(server, tool.name, args)
          if (!outputOf(next) || JSON.stringify(next).includes('polluted'))
            found.push(`${altered.title}: it changes the next reply`)
        }
        expect(found).toEqual([])
        expect(leaks(trail.text())).toBe(false)
      },
    )

    it.runIf(existsSync('/proc/self/status'))(`${verifies('P16')} cannot fill the server’s memory`, async () => {
      const { server } = await world.start('legacy', { env: { [`${prefix}_API_URL`]: backend.url } })
      for (const tool of tools)
        for (const { behave } of [...hugeReplies(), ...hugeReplies()]) {
          backend.behave = behave
          expect(faultOfRefusal(await callWithHuman(server, tool.name, world.valid(tool)))).toBeUndefined()
        }
      const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
      // The maximum since the process started.
      expect(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1])).toBeLessThan(MAX_MEMORY_KB)
      await server.end()
    })

    it('does not affect later calls', async () => {
      backend.behave = async (response, _, real) => {
        const { status, json } = await real()
        sendJson(response, status, JSON.stringify(json))
      }
      for (const tool of tools)
        expect(outputOf(await callWithHuman(launched.server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect((await launched.trail.verify()).findings).toEqual([])
    })
  })

  it(`${verifies('P14', 'P16')} a backend that does not accept connections is reported as unavailable`, async () => {
    const { server } = await world.start('modern', { env: { [`${prefix}_API_URL`]: await deadUrl() } })
    for (const tool of tools) {
      const reply = await callWithHuman(server, tool.name, world.valid(tool))
      expect(faultOfRefusal(reply), tool.name).toBeUndefined()
      expect(errorCodeOf(reply), tool.name).toBe('BACKEND_UNAVAILABLE')
    }
    await server.end()
  })

  it(`${verifies('P14')} a backend that rejects the key is reported as a refusal`, async () => {
    const { server } = await world.start('modern', { env: { [`${prefix}_API_KEY`]: `not-${world.access.key}` } })
    for (const tool of tools) {
      const reply = await callWithHuman(server, tool.name, world.valid(tool))
      expect(errorCodeOf(reply), tool.name).toBe('BACKEND_REFUSED')
    }
    await server.end()
  })
}

/** The reply is refused, or the hostile text is in it only under `untrusted`, without deceptive characters. */
function faultsOfAltered(reply: Message, { title }: AlteredReply, mark: string): string[] {
  const output = outputOf(reply)
  const text = JSON.stringify(reply)
  const found: (string | undefined)[] = []
  if (output) {
    const { content } = reply.result as { content: { text: string }[] }
    if (content[0]?.text !== JSON.stringify(output)) found.push('its text differs from its structured content')
    if (trustedTextsOf(output).some(value => value.includes(mark))) found.push('it is outside `untrusted`')
    if (title.includes('extra fields') && text.includes(mark)) found.push('it is passed on')
    if (title.includes('prototype') && text.includes(mark)) found.push('it is passed on')
    if (deepTextsOf(output).some(value => DECEPTIVE.test(value))) found.push('it has deceptive characters')
    if (text.length > 32 * 1024) found.push(`it has ${text.length} characters`)
  } else {
    found.push(faultOfRefusal(reply))
    if (text.includes(mark)) found.push('the error quotes it')
  }
  return found.filter(what => what !== undefined).map(what => `${title}: ${what}`)
}

function deepTextsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(deepTextsOf)
}
