import { describe, expect, it } from 'vitest'
import type { CallLedger } from '#guardrails/audit'
import { asAuthInfo, requestContextOf } from './request-context.ts'

const ledger = {} as CallLedger
const caller = { kind: 'oauth', id: 'ada', host: '192.0.2.7', clientId: 'app' } as const

describe('the context of a request', () => {
  it('comes out of the SDK’s authInfo as it went in', () => {
    const scopes = new Set(['notes:read'])
    const context = requestContextOf(asAuthInfo(ledger, { caller, scopes }))
    expect(context.ledger).toBe(ledger)
    expect(context.scopes).toBe(scopes)
  })

  it(`${verifies('P15')} tells an empty set of scopes from none at all`, () => {
    expect(requestContextOf(asAuthInfo(ledger, { caller, scopes: new Set() })).scopes).toEqual(new Set())
    expect(requestContextOf(asAuthInfo(ledger, { caller, scopes: undefined })).scopes).toBeUndefined()
  })

  it(`${verifies('P15')} tells the SDK the client and the scopes, and never a token`, () => {
    const { extra: _, ...told } = asAuthInfo(ledger, { caller, scopes: new Set(['a', 'b']) })
    expect(told).toEqual({ token: '', clientId: 'app', scopes: ['a', 'b'] })
    const local = { kind: 'os', id: 'unverified', host: '127.0.0.1' } as const
    expect(asAuthInfo(ledger, { caller: local, scopes: undefined })).toMatchObject({ clientId: '', scopes: [] })
  })

  it(`${verifies('P15')} is required: without it nothing is allowed`, () => {
    for (const authInfo of [undefined, {}]) expect(() => requestContextOf(authInfo)).toThrow('context')
  })
})
