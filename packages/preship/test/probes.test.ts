import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { ARGUMENT_KINDS } from '../src/probes/argument-kinds.ts'
import { CONFIRMATION_KINDS } from '../src/probes/confirmation.ts'
import { INJECTION_KINDS } from '../src/probes/injection.ts'
import { LEAK_KINDS } from '../src/probes/leaks.ts'
import { PROTOCOL_KINDS } from '../src/probes/protocol.ts'
import { ADMISSION_KINDS } from '../src/probes/remote-admission.ts'
import { AUTHORIZATION_KINDS } from '../src/probes/remote-authorization.ts'
import { TOKEN_KINDS } from '../src/probes/remote-tokens.ts'
import { RESULT_KINDS } from '../src/probes/results.ts'
import { startRemoteNotes } from './fixtures/remote-notes.mjs'
import { codesOf, probe, probeRemote } from './probed.ts'

/** For each code, the faults of a local server with the finding. Without faults, the server is correct. */
const LOCAL: Record<string, string[]> = {
  ARGUMENT_UNKNOWN_ACCEPTED: ['unknown-arguments'],
  ARGUMENT_UNKNOWN_IGNORED: ['open-schema'],
  PROTOTYPE_KEY_ACCEPTED: ['prototype-keys'],
  TYPE_NOT_ENFORCED: ['any-type'],
  REQUIRED_NOT_ENFORCED: ['nothing-required'],
  BOUND_NOT_ENFORCED: ['no-bounds'],
  ENUM_NOT_ENFORCED: ['any-word'],
  PATTERN_NOT_ENFORCED: ['any-pattern', 'trick-id'],
  FORMAT_NOT_ENFORCED: ['any-format'],
  SIZE_NOT_BOUNDED: ['endless-text'],
  ARGUMENTS_SHAPE_ACCEPTED: ['any-shape'],
  REFUSAL_AS_SUCCESS: ['refusal-as-text'],
  CALL_UNANSWERED: ['hangs'],
  FILE_CONTENT_RETURNED: ['reads-files', 'loose-id'],
  VALUE_NOT_WHOLE: ['loose-id'],
  PLACE_TRICK_ACCEPTED: ['trick-id'],
  CONFIRMATION_BYPASSED: ['takes-any-yes'],
  CONFIRMATION_REPLAYED: ['state-replayed'],
  CONFIRMATION_NOT_BOUND: ['state-not-bound'],
  CONFIRMATION_IGNORED: ['ignores-no'],
  CONFIRMATION_SKIPPED: ['skips-asking'],
  READ_ONLY_ASKS: ['wrong-label'],
  DESTRUCTIVE_NEVER_ASKS: ['no-warning'],
  MALFORMED_BREAKS: ['exits-on-malformed'],
  MALFORMED_ACCEPTED: ['takes-malformed'],
  UNKNOWN_METHOD_ACCEPTED: ['any-method'],
  UNKNOWN_TOOL_ACCEPTED: ['any-tool'],
  STACK_SHOWN: ['shows-stack'],
  PATH_SHOWN: ['shows-path'],
  QUERY_SHOWN: ['shows-query'],
  BACKEND_ADDRESS_SHOWN: ['shows-address'],
  SECRET_SHOWN: ['shows-secret'],
  SECRET_LIKE_SHOWN: ['shows-token'],
  OUTPUT_MISSING: ['text-only'],
  OUTPUT_SCHEMA_BROKEN: ['surplus-output'],
}

const REMOTE: Record<string, string[]> = {
  NO_TOKEN_ACCEPTED: ['open'],
  DOOR_UNCLEAR: ['unclear'],
  CHALLENGE_MISSING: ['no-challenge'],
  METADATA_MISSING: ['no-metadata'],
  METADATA_WRONG_RESOURCE: ['wrong-resource'],
  METADATA_INVALID: ['no-provider'],
  TOKEN_IN_QUERY_OFFERED: ['query-tokens'],
  PROVIDER_UNREACHABLE: ['no-provider-metadata'],
  PROVIDER_NOT_TLS: ['plain-provider'],
  PKCE_MISSING: ['no-pkce'],
  PKCE_PLAIN: ['plain-pkce'],
  TOKEN_ACCEPTED: ['unsigned-tokens'],
  FOREIGN_TOKEN_ACCEPTED: ['foreign-tokens'],
  TOKEN_NOT_401: ['fails-at-tokens'],
  HOST_NOT_CHECKED: ['any-host'],
  ORIGIN_NOT_CHECKED: ['any-origin'],
  SESSION_FROM_NOBODY: ['any-session'],
  SESSION_AS_CREDENTIAL: ['session-is-enough'],
}

/** Codes for servers that are not on this machine. */
const ELSEWHERE = ['NOT_TLS', 'HOST_NOT_CHECKED_REMOTE']

const ENV = { NOTES_API_KEY: 'k-5f2c9d7e41ab' }

describe.concurrent('probing a local server', () => {
  it('finds nothing at a correct server, in either protocol era', async () => {
    for (const faults of [[], ['legacy']]) {
      const report = await probe(faults, ENV)
      expect(report.findings).toEqual([])
      expect(report.verdicts.filter(({ answer }) => answer === 'pass').map(({ item }) => item)).toEqual([1, 2, 6, 8])
    }
  })

  for (const [code, faults] of Object.entries(LOCAL))
    it(`finds ${code}: ${faults.join(', ')}`, async () => {
      // A server that does not answer is waited for.
      const report = await probe(faults, ENV, faults.includes('hangs') ? { timeoutMs: 500 } : {})
      expect(codesOf(report)).toContain(code)
      const item = CATALOGUE[code]?.item
      expect(report.verdicts.find(each => each.item === item)?.codes).toContain(code)
    })

  it('finds missing confirmations in the legacy era', async () => {
    expect(codesOf(await probe(['legacy', 'ignores-no'], ENV))).toContain('CONFIRMATION_IGNORED')
    expect(codesOf(await probe(['legacy', 'skips-asking'], ENV))).toContain('CONFIRMATION_SKIPPED')
    expect(codesOf(await probe(['legacy', 'takes-any-yes'], ENV))).toContain('CONFIRMATION_BYPASSED')
  })

  it('does not count a declined confirmation that is returned as a result as carried out', async () => {
    for (const era of [[], ['legacy']]) {
      const codes = codesOf(await probe([...era, 'declines-as-result'], ENV))
      expect(codes.filter(code => code.startsWith('CONFIRMATION_'))).toEqual([])
    }
  })

  it('accepts a tool that does not ask but is annotated and described as destructive', async () => {
    expect(codesOf(await probe(['never-asks'], ENV))).toEqual([])
  })

  it('starts with the arguments from the manifest', async () => {
    const report = await probe([], ENV, { examples: { readNote: { noteId: 'note-404' } } })
    expect(report.findings).toEqual([])
    const { evidence = [] } = report.verdicts.find(({ item }) => item === 2) ?? {}
    expect(evidence.filter(text => text.startsWith('readNote: ') && text.includes('were refused'))).toHaveLength(1)
  })

  it('redacts a secret that the server discloses', async () => {
    const report = await probe(['shows-secret', 'no-backend'], ENV)
    expect(codesOf(report)).toContain('SECRET_SHOWN')
    expect(JSON.stringify(report)).toContain('the backend refused …')
    expect(JSON.stringify(report)).not.toContain(ENV.NOTES_API_KEY)
  })

  it('does not call tools that write without permission', async () => {
    const report = await probe(['never-asks'], ENV, { mayWrite: false })
    expect(report.verdicts.find(({ item }) => item === 2)?.answer).toBe('person')
    expect(JSON.stringify(report.verdicts)).not.toContain('publishNote')
  })
})

describe.concurrent('probing a remote server', () => {
  it('answers only question 8 without a token', async () => {
    const server = await startRemoteNotes()
    try {
      const report = await probeRemote(server.url)
      expect(report.findings).toEqual([])
      expect(report.verdicts.map(({ answer }) => answer)).toEqual([...Array(7).fill('person'), 'pass'])
    } finally {
      await server.close()
    }
  })

  it('finds nothing at a correct server', async () => {
    const server = await startRemoteNotes()
    try {
      const report = await probeRemote(server.url, 'good', 'foreign')
      expect(report.findings).toEqual([])
      expect(report.tools).toEqual(['listNotes'])
    } finally {
      await server.close()
    }
  })

  for (const [code, ...faults] of [
    ['NO_TOKEN_ACCEPTED', 'tools-unguarded', 'any-session'],
    ['NO_TOKEN_ACCEPTED', 'modern-era-unguarded'],
    ['TOKEN_ACCEPTED', 'tools-any-token', 'any-session'],
    ['FOREIGN_TOKEN_ACCEPTED', 'tools-any-token', 'any-session'],
  ] as const)
    it(`finds ${code} behind a handshake that requires a token: ${faults.join(', ')}`, async () => {
      const server = await startRemoteNotes(faults)
      try {
        expect(codesOf(await probeRemote(server.url, 'good', 'foreign'))).toContain(code)
      } finally {
        await server.close()
      }
    })

  it('does not answer question 8 with “pass” if the server drops the connection', async () => {
    const server = await startRemoteNotes(['drops-unauthenticated'])
    try {
      const report = await probeRemote(server.url, 'good')
      expect(codesOf(report)).toEqual(['BROKE_OFF'])
      expect(report.verdicts.find(({ item }) => item === 8)?.answer).toBe('person')
    } finally {
      await server.close()
    }
  })

  it(`finds ${ELSEWHERE.join(' and ')} under a name other than loopback`, async () => {
    const server = await startRemoteNotes(['any-host'])
    try {
      const elsewhere = new URL(server.url)
      // This address leads to this machine, but is not recognized as loopback.
      elsewhere.hostname = '0.0.0.0'
      expect(codesOf(await probeRemote(elsewhere, 'good'))).toEqual(expect.arrayContaining(ELSEWHERE))
    } finally {
      await server.close()
    }
  })

  for (const [code, faults] of Object.entries(REMOTE))
    it(`finds ${code}: ${faults.join(', ')}`, async () => {
      const server = await startRemoteNotes(faults)
      try {
        const report = await probeRemote(server.url, 'good', 'foreign')
        expect(codesOf(report)).toContain(code)
        expect(report.verdicts.find(({ item }) => item === 8)?.codes).toContain(code)
      } finally {
        await server.close()
      }
    })
})

it('there is a test server for each code of the probes', () => {
  const kinds = [
    ARGUMENT_KINDS,
    INJECTION_KINDS,
    CONFIRMATION_KINDS,
    PROTOCOL_KINDS,
    LEAK_KINDS,
    RESULT_KINDS,
    AUTHORIZATION_KINDS,
    TOKEN_KINDS,
    ADMISSION_KINDS,
  ].flatMap(each => Object.keys(each))
  expect([...Object.keys(LOCAL), ...Object.keys(REMOTE), ...ELSEWHERE].sort()).toEqual(kinds.sort())
})
