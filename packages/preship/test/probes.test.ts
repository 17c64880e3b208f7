import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../src/catalogue.ts'
import { ARGUMENT_KINDS } from '../src/probes/arguments.ts'
import { CONFIRMATION_KINDS } from '../src/probes/confirmation.ts'
import { LEAK_KINDS } from '../src/probes/leaks.ts'
import { PLACE_KINDS } from '../src/probes/places.ts'
import { PROTOCOL_KINDS } from '../src/probes/protocol.ts'
import { ADDRESS_KINDS } from '../src/probes/remote-address.ts'
import { DOOR_KINDS } from '../src/probes/remote-door.ts'
import { TOKEN_KINDS } from '../src/probes/remote-tokens.ts'
import { RESULT_KINDS } from '../src/probes/results.ts'
import { startRemoteNotes } from './fixtures/remote-notes.mjs'
import { codesOf, probe, probeRemote } from './probed.ts'

/** The faults of a local server that each kind of finding is for; the server without them is the clean one. */
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
  REFUSAL_AS_SUCCESS: ['prose'],
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
  MALFORMED_BREAKS: ['breaks'],
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

/** Of servers that are not on this machine. */
const ELSEWHERE = ['NOT_TLS', 'HOST_NOT_CHECKED_REMOTE']

const ENV = { NOTES_API_KEY: 'k-5f2c9d7e41ab' }

describe('what probes find at a local server', () => {
  it('finds nothing at one that is as it should be, in either era', async () => {
    for (const faults of [[], ['legacy']]) {
      const report = await probe(faults, ENV)
      expect(report.findings).toEqual([])
      expect(report.verdicts.filter(({ answer }) => answer === 'pass').map(({ item }) => item)).toEqual([1, 2, 6, 8])
    }
  })

  for (const [code, faults] of Object.entries(LOCAL))
    it(`${code}: ${faults.join(', ')}`, async () => {
      const report = await probe(faults, ENV)
      expect(codesOf(report)).toContain(code)
      const item = CATALOGUE[code]?.item
      expect(report.verdicts.find(each => each.item === item)?.codes).toContain(code)
    })

  it('finds in the earlier era what is asked there', async () => {
    expect(codesOf(await probe(['legacy', 'ignores-no'], ENV))).toContain('CONFIRMATION_IGNORED')
    expect(codesOf(await probe(['legacy', 'skips-asking'], ENV))).toContain('CONFIRMATION_SKIPPED')
    expect(codesOf(await probe(['legacy', 'takes-any-yes'], ENV))).toContain('CONFIRMATION_BYPASSED')
  })

  it('takes a warned of and labelled tool that never asks as it is', async () => {
    expect(codesOf(await probe(['never-asks'], ENV))).toEqual([])
  })

  it('begins with the arguments that somebody gave', async () => {
    const report = await probe([], ENV, { examples: { readNote: { noteId: 'note-404' } } })
    expect(report.findings).toEqual([])
    const { evidence = [] } = report.verdicts.find(({ item }) => item === 2) ?? {}
    expect(evidence.filter(text => text.startsWith('readNote: ') && text.includes('were refused'))).toHaveLength(1)
  })

  it('calls no tool that writes unless it may', async () => {
    const report = await probe(['never-asks'], ENV, { mayWrite: false })
    expect(report.verdicts.find(({ item }) => item === 2)?.answer).toBe('person')
    expect(JSON.stringify(report.verdicts)).not.toContain('publishNote')
  })
})

describe('what probes find at a remote server', () => {
  it('answers the last question alone where nobody is let in', async () => {
    const server = await startRemoteNotes()
    try {
      const report = await probeRemote(server.url)
      expect(report.findings).toEqual([])
      expect(report.verdicts.map(({ answer }) => answer)).toEqual([...Array(7).fill('person'), 'pass'])
    } finally {
      await server.close()
    }
  })

  it('finds nothing at one that is as it should be', async () => {
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
    ['NO_TOKEN_ACCEPTED', 'later-era-unguarded'],
    ['TOKEN_ACCEPTED', 'tools-any-token', 'any-session'],
    ['FOREIGN_TOKEN_ACCEPTED', 'tools-any-token', 'any-session'],
  ] as const)
    it(`${code} behind a greeting that asks for a token: ${faults.join(', ')}`, async () => {
      const server = await startRemoteNotes(faults)
      try {
        expect(codesOf(await probeRemote(server.url, 'good', 'foreign'))).toContain(code)
      } finally {
        await server.close()
      }
    })

  it('does not answer the last question with yes where nobody could be asked', async () => {
    const server = await startRemoteNotes(['drops-strangers'])
    try {
      const report = await probeRemote(server.url, 'good')
      expect(codesOf(report)).toEqual(['BROKE_OFF'])
      expect(report.verdicts.find(({ item }) => item === 8)?.answer).toBe('person')
    } finally {
      await server.close()
    }
  })

  it(`${ELSEWHERE.join(', ')}: another name than loopback`, async () => {
    const server = await startRemoteNotes(['any-host'])
    try {
      const elsewhere = new URL(server.url)
      // It leads to this machine, and does not say so.
      elsewhere.hostname = '0.0.0.0'
      expect(codesOf(await probeRemote(elsewhere, 'good'))).toEqual(expect.arrayContaining(ELSEWHERE))
    } finally {
      await server.close()
    }
  })

  for (const [code, faults] of Object.entries(REMOTE))
    it(`${code}: ${faults.join(', ')}`, async () => {
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

it('knows of each kind of finding a server that has it', () => {
  const kinds = [
    ARGUMENT_KINDS,
    PLACE_KINDS,
    CONFIRMATION_KINDS,
    PROTOCOL_KINDS,
    LEAK_KINDS,
    RESULT_KINDS,
    DOOR_KINDS,
    TOKEN_KINDS,
    ADDRESS_KINDS,
  ].flatMap(each => Object.keys(each))
  expect([...Object.keys(LOCAL), ...Object.keys(REMOTE), ...ELSEWHERE].sort()).toEqual(kinds.sort())
})
