import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BackendFault, backendFaults, hugeReplies } from '../backend-faults.ts'
import { DECEPTIVE, type Distortion, distortTexts, trustedTextsOf, withExtras } from '../distortions.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { deadUrl, HostileBackend, OtherHost, sendJson } from '../hostile-backend.ts'
import { callWithHuman, outputOf } from '../human.ts'
import { errorCodeOf, type Message } from '../running-server.ts'
import { reachingTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

const TIMEOUT_MS = 700

/** Far more than the deadline and a second attempt take on a busy machine, far less than for ever. */
const LATE_MS = 10_000

const MAX_MEMORY_KB = 250 * 1024

/** What a caller is told of a backend that does wrong, and what is kept from them. */
export function describeBackendFaults(world: World): void {
  const { prefix } = world.subject
  const tools = reachingTools(world.subject)

  describe('a backend that does wrong', () => {
    let backend: HostileBackend
    let otherHost: OtherHost
    let launched: Launched
    let faults: BackendFault[]
    beforeAll(async () => {
      backend = await HostileBackend.start(world.access)
      otherHost = await OtherHost.start()
      faults = backendFaults({ otherHost: otherHost.url, canary: world.canary })
      launched = await world.start('legacy', {
        env: { [`${prefix}_API_URL`]: backend.url, [`${prefix}_API_TIMEOUT_MS`]: String(TIMEOUT_MS) },
      })
    })
    afterAll(async () => {
      await launched.server.end()
      await backend.close()
      await otherHost.close()
    })

    /** All that is wrong with what a tool answers while the backend does wrong. */
    const faultsOf = async (tool: (typeof tools)[number], fault: BackendFault): Promise<string[]> => {
      backend.behave = fault.behave
      const startedAt = performance.now()
      const reply = await callWithHuman(launched.server, tool.name, world.valid(tool))
      const elapsed = performance.now() - startedAt
      const code = errorCodeOf(reply)
      const told: readonly unknown[] = fault.told[tool.effect === 'read' ? 'read' : 'write']
      const { retryAfterSeconds } = ((reply.result as Message)?._meta ?? {}) as { retryAfterSeconds?: number }
      const [least, most] = fault.retryAfter ?? []
      const found = [
        faultOfRefusal(reply),
        told.includes(code) ? undefined : `the caller is told ${code}, not ${told.join(' or ')}`,
        leaks(JSON.stringify(reply)) ? 'the reply holds what the backend said' : undefined,
        elapsed > LATE_MS ? `it took ${elapsed} ms` : undefined,
        least !== undefined &&
        most !== undefined &&
        !(Number(retryAfterSeconds) >= least && Number(retryAfterSeconds) <= most)
          ? `the caller is told to wait ${retryAfterSeconds} seconds`
          : undefined,
        retryAfterSeconds !== undefined && !(Number.isSafeInteger(retryAfterSeconds) && retryAfterSeconds >= 0)
          ? `the wait is ${retryAfterSeconds}`
          : undefined,
      ]
      return found.filter(what => what !== undefined).map(what => `${fault.title}: ${what}`)
    }
    const leaks = (text: string): boolean => text.includes(world.canary) || text.includes(world.access.key)

    it.each(tools)(`${verifies('P14', 'P16')} costs the caller of $name a clear error, in time`, async tool => {
      const found: string[] = []
      for (const fault of faults) found.push(...(await faultsOf(tool, fault)))
      expect(found).toEqual([])
    })

    it(`${verifies('P14')} is never asked again for what it may have done, but under the same key`, () => {
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

    it(`${verifies('P5', 'P16')} leads nowhere: no other host, and no other place on the same one`, () => {
      expect(otherHost.contacts).toBe(0)
      expect(backend.arrivals.filter(({ url }) => url.includes('elsewhere'))).toEqual([])
      for (const { headers } of backend.arrivals) expect(headers.authorization).toBe(`Bearer ${world.access.key}`)
    })

    it(`${verifies('P11')} is not quoted in the audit log`, () => {
      expect(leaks(launched.trail.text())).toBe(false)
      expect(leaks(launched.server.stderr)).toBe(false)
    })

    it.each(tools)(`${verifies('P16', 'P17')} does not get more through than $name has a place for`, async tool => {
      const found: string[] = []
      const { server, trail } = launched
      const come = async (distortion: Distortion): Promise<void> => {
        backend.behave = response => sendJson(response, 200, distortion.text)
        const reply = await callWithHuman(server, tool.name, args)
        found.push(...faultsOfDistorted(reply, distortion, world.canary))
      }
      // The arguments stay, so that the reply fits them.
      const args = world.valid(tool)
      let real: unknown
      backend.behave = async (response, _, ask) => {
        real = (await ask()).json
        sendJson(response, 200, JSON.stringify(real))
      }
      expect(outputOf(await callWithHuman(server, tool.name, args))).toBeDefined()
      for (const distortion of distortTexts(real, world.canary)) await come(distortion)
      for (const distortion of withExtras(real, world.canary)) {
        await come(distortion)
        if (!distortion.title.startsWith('a prototype')) continue
        // What was done to the process would show in the next reply.
        backend.behave = response => sendJson(response, 200, JSON.stringify(real))
        const next = await callWithHuman(server, tool.name, args)
        if (!outputOf(next) || JSON.stringify(next).includes('polluted')) found.push(`${distortion.title}: it stays`)
      }
      expect(found).toEqual([])
      expect(leaks(trail.text())).toBe(false)
    })

    it.runIf(existsSync('/proc/self/status'))(`${verifies('P16')} does not fill the server’s memory`, async () => {
      const { server } = await world.start('legacy', { env: { [`${prefix}_API_URL`]: backend.url } })
      for (const tool of tools)
        for (const { behave } of [...hugeReplies(), ...hugeReplies()]) {
          backend.behave = behave
          expect(faultOfRefusal(await callWithHuman(server, tool.name, world.valid(tool)))).toBeUndefined()
        }
      const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
      // The most that it ever had.
      expect(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1])).toBeLessThan(MAX_MEMORY_KB)
      await server.end()
    })

    it('leaves a server behind that works', async () => {
      backend.behave = async (response, _, real) => {
        const { status, json } = await real()
        sendJson(response, status, JSON.stringify(json))
      }
      for (const tool of tools)
        expect(outputOf(await callWithHuman(launched.server, tool.name, world.valid(tool))), tool.name).toBeDefined()
      expect((await launched.trail.verify()).findings).toEqual([])
    })
  })

  describe('a backend that is not there', () => {
    it.each(tools)(`${verifies('P14', 'P16')} is unavailable, and nothing was done: $name`, async tool => {
      const { server } = await world.start('modern', { env: { [`${prefix}_API_URL`]: await deadUrl() } })
      const reply = await callWithHuman(server, tool.name, world.valid(tool))
      expect(faultOfRefusal(reply)).toBeUndefined()
      expect(errorCodeOf(reply)).toBe('BACKEND_UNAVAILABLE')
      await server.end()
    })

    it.each(tools)(`${verifies('P14')} is one that refuses the key: $name`, async tool => {
      const { server } = await world.start('modern', { env: { [`${prefix}_API_KEY`]: `not-${world.access.key}` } })
      expect(errorCodeOf(await callWithHuman(server, tool.name, world.valid(tool)))).toBe('BACKEND_REFUSED')
      await server.end()
    })
  })
}

/** A distorted reply is refused, or what is hostile in it stands, without what deceives, where it is marked as such. */
function faultsOfDistorted(reply: Message, { title }: Distortion, mark: string): string[] {
  const output = outputOf(reply)
  const text = JSON.stringify(reply)
  const found: (string | undefined)[] = []
  if (output) {
    const { content } = reply.result as { content: { text: string }[] }
    if (content[0]?.text !== JSON.stringify(output)) found.push('its text says something else')
    if (trustedTextsOf(output).some(value => value.includes(mark))) found.push('it stands outside of what is untrusted')
    if (title.includes('nobody asked') && text.includes(mark)) found.push('it is passed on')
    if (title.includes('prototype') && text.includes(mark)) found.push('it is passed on')
    if (deepTextsOf(output).some(value => DECEPTIVE.test(value))) found.push('it deceives')
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
