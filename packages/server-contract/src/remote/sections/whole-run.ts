import { describe, expect, it } from 'vitest'
import { faultsOfAudit } from '../../audit-soundness.ts'
import { templateOf } from '../../sections/calls.ts'
import type { RemoteWorld } from '../remote-world.ts'

/** So much of a secret tells that it was there; less could stand anywhere by chance. */
const WINDOW = 16

/** What holds over everything that every server did for remote callers, hostile ones and faults included. */
export function describeRemoteRun(world: RemoteWorld): void {
  const { subject } = world

  describe('over the whole remote run', () => {
    /** All that came out of the servers. */
    const outputs = (): string[] => [
      ...world.remotes.flatMap(({ stdout, stderr, replies }) => [stdout, stderr, ...replies]),
      ...world.trails.map(trail => trail.text()),
    ]

    it(`${verifies('P11', 'P15')} no token, nor a part of one, came out anywhere`, () => {
      const telling = piecesOf(world.tokens)
      expect(telling.size).toBeGreaterThan(100)
      expect(outputs().flatMap(text => found(text, telling))).toEqual([])
      // A search that finds nothing has to be one that could.
      const [token = ''] = world.tokens
      expect(found(`before ${token} behind`, telling)).not.toEqual([])
    })

    it(`${verifies('P11', 'P15')} no token ever reached the backend`, () => {
      const telling = piecesOf(world.tokens)
      const requests = world.backend.requests().map(request => JSON.stringify(request))
      expect(requests.length).toBeGreaterThan(0)
      expect(requests.flatMap(text => found(text, telling))).toEqual([])
    })

    it(`${verifies('P11')} no header that lets anybody in was on record or in a log`, () => {
      const logs = [
        ...world.remotes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
        ...world.trails.map(trail => trail.text()),
      ]
      expect(logs.filter(text => /(?:Bearer|Basic|DPoP)\s+[\w.~+/-]{9}|eyJ[\w-]{8}/i.test(text))).toEqual([])
    })

    it(`${verifies('P5', 'P11')} no key came out anywhere`, () => {
      const { backend } = world
      const keys = [backend.blog.key, backend.crm.key, backend.tickets.key, world.auditKey]
      for (const key of keys) expect(outputs().filter(text => text.includes(key))).toEqual([])
    })

    it(`${verifies('P11')} nothing that a caller made up was in clear in any log or audit file`, () => {
      const logs = [...world.remotes.map(({ stderr }) => stderr), ...world.trails.map(trail => trail.text())]
      expect(logs.filter(text => text.includes(world.canary))).toEqual([])
    })

    it(`${verifies('P4', 'P6')} the backend was asked for nothing but the server’s own endpoints`, () => {
      const asked = world.backend.requests().map(({ method, route }) => templateOf(method, route))
      expect(asked.filter(template => !subject.endpoints.includes(template))).toEqual([])
    })

    it(`${verifies('P7', 'P10')} every audit file holds, with one end for each call`, async () => {
      expect(world.soundTrails.length).toBeGreaterThan(5)
      for (const trail of world.soundTrails) {
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
        expect((await trail.verify()).findings, trail.file).toEqual([])
      }
    })

    it('no server crashed', () => {
      // Each fault is told to the operator; nobody saw any but the issuers' coming.
      const lines = world.remotes.flatMap(({ stderr }) => stderr.split('\n'))
      const faults = lines.filter(line => /"msg":"(?:crash|fault)"|Unhandled/.test(line))
      expect(faults.filter(line => !line.includes('"type":"IssuerUnavailableError"'))).toEqual([])
    })
  })
}

/** The beginning and the end of each part of each token. */
function piecesOf(tokens: readonly string[]): ReadonlySet<string> {
  const parts = tokens.flatMap(token => token.split('.')).filter(part => part.length >= WINDOW)
  return new Set(parts.flatMap(part => [part.slice(0, WINDOW), part.slice(-WINDOW)]))
}

function found(text: string, pieces: ReadonlySet<string>): string[] {
  const hits = new Set<string>()
  for (let start = 0; start + WINDOW <= text.length; start += 1) {
    const piece = text.slice(start, start + WINDOW)
    if (pieces.has(piece)) hits.add(piece)
  }
  return [...hits]
}
