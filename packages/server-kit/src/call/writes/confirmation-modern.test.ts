import { describe, expect, it } from 'vitest'
import type { Caller } from '#guardrails/audit'
import {
  CALLER,
  callOf,
  confirmationsOf,
  contextOf,
  INVALID,
  MINUTE,
  questionOf,
  type Sent,
  type TestQuestion,
} from '../../../test/call/confirmation-requests.ts'
import type { NonceStore } from './nonce-store.ts'

describe('a question in the modern era', () => {
  it(`${verifies('P12')} asks for one tick, off by default, and comes with a sealed state`, async () => {
    const { ask } = confirmationsOf()
    const sent: Sent[] = []
    const answer = await ask(
      'modern',
      contextOf({}, question => sent.push(question)),
    )
    expect(answer).toMatchObject({
      reply: {
        inputRequests: {
          confirm: {
            method: 'elicitation/create',
            params: {
              mode: 'form',
              message: 'Do it?',
              requestedSchema: {
                type: 'object',
                properties: { confirm: { type: 'boolean', default: false } },
                required: ['confirm'],
              },
            },
          },
        },
        requestState: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/),
      },
    })
    expect(sent).toEqual([])
  })

  it(`${verifies('P12')} is not asked if its answer could not be told from a repeated one`, async () => {
    const cause = new Error('the store is down')
    const broken: NonceStore = { open: () => Promise.reject(cause), claim: async () => true }
    const asked: boolean[] = []
    const { call } = callOf(CALLER, ends => asked.push(ends))
    const { mint } = confirmationsOf({ nonces: broken })
    await expect(mint(questionOf({ call }))).rejects.toMatchObject({
      code: 'CONFIRMATION_UNAVAILABLE',
      message: expect.stringContaining('they are not asked'),
      cause,
    })
    expect(asked).toEqual([])
  })

  it(`${verifies('P12')} is opened and claimed in the store under one nonce, for the same time`, async () => {
    const notes: unknown[] = []
    const noting: NonceStore = {
      open: async (nonce, expiresAt) => void notes.push([nonce, expiresAt]),
      claim: async (nonce, expiresAt) => notes.push([nonce, expiresAt]) > 0,
    }
    const { clock, mint, redeem } = confirmationsOf({ nonces: noting })
    await redeem(await mint())
    const [opened, claimed] = notes
    expect(opened).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), clock.now + 5 * MINUTE])
    expect(claimed).toEqual(opened)
  })
})

describe('an answer in the modern era', () => {
  it(`${verifies('P12')} is accepted with the state of its question, and continues its trace`, async () => {
    const { mint, redeem } = confirmationsOf()
    const { call, traces } = callOf()
    const state = await mint(questionOf({ call: callOf().call }))
    expect(await redeem(state, questionOf({ call }))).toBe('accepted')
    expect(traces).toEqual(['ab'.repeat(16)])
    await expect(redeem(state, questionOf({ call }))).rejects.toMatchObject(INVALID)
    expect(traces).toHaveLength(1)
  })

  it.each<[string, Partial<TestQuestion>]>([
    ['another tool', { tool: 'doAll' }],
    ['another argument', { args: { name: 'that' } }],
    ['one more argument', { args: { name: 'it', force: true } }],
    ['no arguments', { args: {} }],
    ['other content', { digest: 'd2' }],
    ['no content', { digest: '' }],
    ['content moved into the arguments', { args: [{ name: 'it' }, 'd1'], digest: '' }],
    ['another user', { call: callOf({ ...CALLER, id: '1001:bob' }).call }],
    ['another host', { call: callOf({ ...CALLER, host: 'other' }).call }],
    ['another kind of caller', { call: callOf({ ...CALLER, kind: 'oauth' }).call }],
  ])(`${verifies('P12')} is no answer for %s`, async (_, change) => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint()
    await expect(redeem(state, questionOf(change))).rejects.toMatchObject(INVALID)
    // That attempt did not use it up.
    expect(await redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} is no answer for another person, nor for the same person's other program`, async () => {
    const { mint, redeem } = confirmationsOf()
    const remote: Caller = { kind: 'oauth', id: 'ann', host: '192.0.2.1', clientId: 'c1' }
    const asked = await mint(questionOf({ call: callOf(remote).call }))
    for (const other of [
      { ...remote, id: 'bob' },
      { ...remote, clientId: 'c2' },
      { ...remote, kind: 'os' as const },
    ])
      await expect(redeem(asked, questionOf({ call: callOf(other).call }))).rejects.toMatchObject(INVALID)
    // A person may change networks between question and answer.
    const elsewhere = callOf({ ...remote, host: '198.51.100.7' }).call
    expect(await redeem(asked, questionOf({ call: elsewhere }))).toBe('accepted')
  })

  it(`${verifies('P12')} is no answer for parts that only look the same when they are put together`, async () => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint(questionOf({ tool: 'doIt', args: 1, digest: '2,3' }))
    const other = questionOf({ tool: 'doIt,1', args: 2, digest: '3' })
    await expect(redeem(state, other)).rejects.toMatchObject(INVALID)
  })

  it('is accepted if only the wording or the version of the client changed', async () => {
    const { mint, redeem } = confirmationsOf()
    const call = callOf({ ...CALLER, client: { name: 'host', version: '2' } }).call
    expect(await redeem(await mint(), questionOf({ text: 'Really?', call }))).toBe('accepted')
  })

  it(`${verifies('P12')} is accepted for five minutes`, async () => {
    const { clock, mint, redeem } = confirmationsOf()
    const [soon, late, later] = [await mint(), await mint(), await mint()]
    clock.now += 5 * MINUTE - 1
    expect(await redeem(soon)).toBe('accepted')
    clock.now += 1
    await expect(redeem(late)).rejects.toMatchObject(INVALID)
    clock.now += 365 * 24 * 60 * MINUTE
    await expect(redeem(later)).rejects.toMatchObject(INVALID)
    // A used nonce is remembered for as long as its state is valid.
    await expect(redeem(soon)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is refused after five minutes whatever the nonce store says`, async () => {
    const willing: NonceStore = { open: async () => {}, claim: async () => true }
    const { clock, mint, redeem } = confirmationsOf({ nonces: willing })
    const state = await mint()
    clock.now += 5 * MINUTE - 1
    expect(await redeem(state)).toBe('accepted')
    clock.now += 1
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is accepted once, however many come at the same time`, async () => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint()
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => redeem(state)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} does not count if nobody can tell whether it was used before`, async () => {
    const cause = new Error('the store is down')
    const broken: NonceStore = { open: async () => {}, claim: () => Promise.reject(cause) }
    const { mint, redeem } = confirmationsOf({ nonces: broken })
    await expect(redeem(await mint())).rejects.toMatchObject({
      code: 'CONFIRMATION_UNAVAILABLE',
      message: expect.stringContaining('used before'),
      cause,
    })
    const refusing: NonceStore = { open: async () => {}, claim: () => Promise.resolve(false) }
    const other = confirmationsOf({ nonces: refusing })
    await expect(other.redeem(await other.mint())).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} counts against the person's account, whichever of their programs answers`, async () => {
    const owners: string[] = []
    const noting: NonceStore = { open: async () => {}, claim: async (_, __, owner) => owners.push(owner) > 0 }
    const { mint, redeem } = confirmationsOf({ nonces: noting })
    for (const clientId of ['desktop', 'phone']) {
      const question = questionOf({ call: callOf({ ...CALLER, kind: 'oauth', clientId }).call })
      expect(await redeem(await mint(question), question)).toBe('accepted')
    }
    expect(owners).toEqual([CALLER.id, CALLER.id])
  })
})
