import { describe, expect, it } from 'vitest'
import { faultsOfAudit } from '../../audit-soundness.ts'
import { templateOf } from '../../sections/calls.ts'
import type { RemoteWorld } from '../remote-world.ts'

/** Shorter parts of a secret can occur by chance. */
const WINDOW = 16

/**
 * Invariants over all outputs, requests and audit files of all remote tests before.
 *
 * @param minTrails the minimum number of servers that the tests have started
 */
export function describeRemoteInvariants(world: RemoteWorld, minTrails = 6): void {
  const { subject } = world

  describe('during all remote tests', () => {
    /** Everything that the servers wrote. */
    const outputs = (): string[] => [
      ...world.remotes.flatMap(({ stdout, stderr, replies }) => [stdout, stderr, ...replies]),
      ...world.trails.map(trail => trail.text()),
    ]

    it(`${verifies('P11', 'P15')} no output had a token, or a part of one`, () => {
      const pieces = piecesOf(world.tokens)
      expect(pieces.size).toBeGreaterThan(world.tokens.length)
      expect(outputs().flatMap(text => found(text, pieces))).toEqual([])
      // The search finds a token if there is one.
      const [token = ''] = world.tokens
      expect(found(`before ${token} after`, pieces)).not.toEqual([])
    })

    it(`${verifies('P11', 'P15')} no request to the backend had a token`, () => {
      const pieces = piecesOf(world.tokens)
      const requests = world.backend.requests().map(request => JSON.stringify(request))
      expect(requests.length).toBeGreaterThan(0)
      expect(requests.flatMap(text => found(text, pieces))).toEqual([])
    })

    it(`${verifies('P11')} no log or audit file had an Authorization header`, () => {
      const logs = [
        ...world.remotes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
        ...world.trails.map(trail => trail.text()),
      ]
      expect(logs.filter(text => /(?:Bearer|Basic|DPoP)\s+[\w.~+/-]{9}|eyJ[\w-]{8}/i.test(text))).toEqual([])
    })

    it(`${verifies('P5', 'P11')} no output had a key`, () => {
      const { backend } = world
      const keys = [backend.blog.key, backend.crm.key, backend.tickets.key, world.auditKey]
      for (const key of keys) expect(outputs().filter(text => text.includes(key))).toEqual([])
    })

    it(`${verifies('P11')} no log or audit file had an unknown text of a caller in clear`, () => {
      const logs = [...world.remotes.map(({ stderr }) => stderr), ...world.trails.map(trail => trail.text())]
      expect(logs.filter(text => text.includes(world.canary))).toEqual([])
    })

    it(`${verifies('P4', 'P6')} the backend received requests to the server’s own endpoints only`, () => {
      const asked = world.backend.requests().map(({ method, route }) => templateOf(method, route))
      expect(asked.filter(template => !subject.endpoints.includes(template))).toEqual([])
    })

    it(`${verifies('P7', 'P10')} every audit file verifies, with one terminal record for each call`, async () => {
      expect(world.intactTrails.length).toBeGreaterThanOrEqual(minTrails)
      for (const trail of world.intactTrails) {
        expect(faultsOfAudit(trail.records(), subject.name)).toEqual([])
        expect((await trail.verify()).findings, trail.file).toEqual([])
      }
    })

    it('no server logged an unexpected error', () => {
      // Only the failures of the issuer are expected.
      const lines = world.remotes.flatMap(({ stderr }) => stderr.split('\n'))
      const faults = lines.filter(line => /"msg":"(?:crash|fault)"|Unhandled/.test(line))
      expect(faults.filter(line => !line.includes('"type":"IssuerUnavailableError"'))).toEqual([])
    })
  })
}

/** The first and the last characters of each part of each token. */
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
