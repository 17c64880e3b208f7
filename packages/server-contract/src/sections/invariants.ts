import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faultsOfAudit } from '../audit-soundness.ts'
import type { Message } from '../running-server.ts'
import type { World } from '../world.ts'
import { templateOf } from './calls.ts'

/** Shorter texts can occur by chance. */
const MIN_TEXT_LENGTH = 6

/** Invariants over all outputs, requests and audit files of all tests before, hostile calls and faults included. */
export function describeInvariants(world: World): void {
  const { subject } = world

  describe('during all tests', () => {
    it(`${verifies('P4', 'P6')} the backend received requests to the server’s own endpoints only`, () => {
      const asked = world.backend.requests().map(({ method, route }) => templateOf(method, route))
      expect(asked.length).toBeGreaterThan(subject.tools.length)
      expect(asked.filter(template => !subject.endpoints.includes(template))).toEqual([])
    })

    if (subject.tools.every(({ effect }) => effect === 'read'))
      it(`${verifies('P6')} the backend received no method except GET`, () => {
        expect(new Set(world.backend.requests().map(({ method }) => method))).toEqual(new Set(['GET']))
      })

    it('standard output had JSON-RPC messages only', () => {
      const lines = world.servers.flatMap(server => (isServing(server.lines) ? server.lines : []))
      expect(lines.length).toBeGreaterThan(100)
      expect(lines.filter(line => !isMessage(line))).toEqual([])
    })

    it(`${verifies('P5', 'P11')} no reply, log or audit file had a key`, () => {
      for (const secret of [world.access.key, world.auditKey, ...otherKeys(world)]) {
        expect(world.servers.some(({ lines }) => lines.some(line => line.includes(secret)))).toBe(false)
        expect(world.servers.some(({ stderr }) => stderr.includes(secret))).toBe(false)
        expect(world.trails.some(trail => trail.text().includes(secret))).toBe(false)
      }
    })

    it(`${verifies('P11')} no log or audit file had an unknown text of a caller in clear`, () => {
      expect(world.trails.filter(trail => trail.text().includes(world.canary)).map(({ file }) => file)).toEqual([])
      expect(world.servers.filter(({ stderr }) => stderr.includes(world.canary)).map(({ stderr }) => stderr)).toEqual(
        [],
      )
    })

    it(`${verifies('P11')} no log or audit file had personal data in clear`, () => {
      const logs = [...world.trails.map(trail => trail.text()), ...world.servers.map(({ stderr }) => stderr)].join('\n')
      const texts = personalTexts(world)
      expect(texts.length).toBeGreaterThan(0)
      expect(texts.filter(text => logs.includes(JSON.stringify(text).slice(1, -1)))).toEqual([])
    })

    it(`${verifies('P11')} no reply or audit file had an absolute path`, () => {
      const paths = [world.folder, dirname(subject.entry), homedir(), process.cwd()]
      const texts = [
        ...world.servers.flatMap(({ lines }) => (isServing(lines) ? lines : [])),
        ...world.trails.map(trail => trail.text()),
      ]
      for (const path of paths)
        expect(texts.filter(text => text.includes(`${path}/`)).map(text => text.slice(0, 300))).toEqual([])
    })

    it(`${verifies('P3')} the server read no file outside its own folder`, () => {
      // The only file outside has the canary as its heading.
      expect(world.servers.some(({ lines }) => lines.some(line => line.includes(`# ${world.canary}`)))).toBe(false)
      const bodies = world.backend.requests().map(({ body }) => body ?? '')
      expect(bodies.filter(body => body.includes(`# ${world.canary}`))).toEqual([])
    })

    it(`${verifies('P7')} every call had exactly one terminal record, and an intent before its outcome`, () => {
      const faults = world.intactTrails.flatMap(trail => faultsOfAudit(trail.records(), subject.name))
      expect(faults).toEqual([])
    })

    it(`${verifies('P10')} every audit file verifies`, async () => {
      for (const trail of world.intactTrails) expect((await trail.verify()).findings, trail.file).toEqual([])
    })

    it(`${verifies('P7', 'P8')} every request at the backend had an earlier intent`, () => {
      const intents = new Map(
        world.trails
          .flatMap(trail => trail.records())
          .filter(({ event }) => event === 'intent')
          .map(({ callId, time }) => [callId, time]),
      )
      const tools = new Set(subject.tools.map(({ endpoint }) => endpoint))
      const requests = world.backend.requests().filter(({ method, route }) => tools.has(templateOf(method, route)))
      expect(requests.length).toBeGreaterThan(0)
      const orphans = requests.filter(({ requestId, time }) => {
        const intended = intents.get(requestId ?? '')
        return intended === undefined || intended > time
      })
      expect(orphans).toEqual([])
    })
  })
}

/** False for commands such as `check`, which print text for a person. */
function isServing([first]: readonly string[]): boolean {
  return first !== undefined && isMessage(first)
}

function isMessage(line: string): boolean {
  try {
    const message = JSON.parse(line) as Message
    return message.jsonrpc === '2.0' && (message.result ?? message.error ?? message.method) !== undefined
  } catch {
    return false
  }
}

function otherKeys({ backend, access }: World): string[] {
  return [backend.blog, backend.crm, backend.tickets].map(({ key }) => key).filter(key => key !== access.key)
}

/** Names, addresses and free texts of the seeded records. */
function personalTexts({ backend }: World): string[] {
  return [
    ...backend.customers().flatMap(({ name, email, company, phone, notes }) => [name, email, company, phone, notes]),
    ...backend
      .ticketRows()
      .flatMap(({ subject, description, customerEmail, notes }) => [
        subject,
        description,
        customerEmail ?? '',
        ...notes.map(({ text }) => text),
      ]),
    ...backend.articles().map(({ markdown }) => markdown),
  ].filter(text => text.length >= MIN_TEXT_LENGTH)
}
