// Copied on purpose, as its source is.
import { randomBytes } from 'node:crypto'
import type { ServerContext } from '@modelcontextprotocol/server'
import { AuditUnavailableError, type Call, type Caller } from '@narrow-deputies/guardrails/audit'
import { describe, expect, it } from 'vitest'
import type { Question } from './call-tool.ts'
import { createConfirmations } from './confirm.ts'
import { createSingleUse, type SingleUse } from './single-use.ts'

const MINUTE = 60_000
const YES = { action: 'accept', content: { confirm: true } }
const CALLER: Caller = { kind: 'os', id: '1000:ann', host: 'desk', client: { name: 'host', version: '1' } }

interface Asked {
  readonly params: { readonly message: string; readonly requestedSchema: unknown }
  readonly options: { readonly timeout: number; readonly signal: AbortSignal }
}

/** A call that only notes what is done to it. */
function callOf(caller: Caller = CALLER, asked: (ends: boolean) => void = () => {}) {
  const traces: string[] = []
  const call = {
    callId: 'call-1',
    caller,
    trace: { traceId: 'ab'.repeat(16), source: 'generated' },
    continueTrace: (traceId: string) => void traces.push(traceId),
    asked,
  }
  return { call: call as unknown as Call, traces }
}

function questionOf(change: Partial<Question> = {}): Question {
  const args = { name: 'it' }
  return { call: callOf().call, tool: 'doIt', args, digest: 'd1', text: 'Do it?', ...change }
}

/** What the SDK hands to a tool. */
function contextOf(
  request: { inputResponses?: unknown; requestState?: unknown } = {},
  send?: (asked: Asked) => unknown,
) {
  const { signal } = new AbortController()
  const mcpReq = {
    inputResponses: request.inputResponses,
    requestState: () => request.requestState,
    signal,
    send: async ({ params }: Asked, options: Asked['options']) => await send?.({ params, options }),
  }
  return { mcpReq } as unknown as ServerContext
}

/** Confirmations on a clock of the test's own. */
function confirmations({ key = randomBytes(32), singleUse }: { key?: Buffer; singleUse?: SingleUse } = {}) {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') }
  const now = (): number => clock.now
  const asker = createConfirmations({ singleUse: singleUse ?? createSingleUse(now), key, now })
  const mint = async (question = questionOf()): Promise<string> => {
    const answer = await asker('modern', contextOf(), {}).ask(question)
    if (answer === 'accepted') throw new Error('accepted unasked')
    return String(answer.reply.requestState)
  }
  const redeem = (requestState: unknown, question = questionOf(), inputResponses: unknown = { confirm: YES }) =>
    asker('modern', contextOf({ inputResponses, requestState }), {}).ask(question)
  return { clock, asker, mint, redeem }
}

const INVALID = { code: 'CONFIRMATION_INVALID' }
const DECLINED = { code: 'CONFIRMATION_DECLINED' }

describe('a question in the later era', () => {
  it(`${verifies('P12')} asks for one tick, off by default, and comes back with a sealed state`, async () => {
    const { asker } = confirmations()
    const answer = await asker('modern', contextOf(), {}).ask(questionOf())
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
  })

  it(`${verifies('P12')} is accepted with its state, for the same question, and continues its trace`, async () => {
    const { mint, redeem } = confirmations()
    const { call, traces } = callOf()
    expect(await redeem(await mint(), questionOf({ call }))).toBe('accepted')
    expect(traces).toEqual(['ab'.repeat(16)])
  })

  it(`${verifies('P12')} is on record before it is asked, and not asked if it cannot be recorded`, async () => {
    const { asker } = confirmations()
    for (const era of ['legacy', 'modern'] as const) {
      const told: boolean[] = []
      const sent: Asked[] = []
      const send = (asked: Asked) => {
        sent.push(asked)
        return YES
      }
      const { call } = callOf(CALLER, ends => {
        expect(sent).toEqual([])
        told.push(ends)
      })
      await asker(era, contextOf({}, send), {}).ask(questionOf({ call }))
      expect(told).toEqual([era === 'modern'])

      const unwritable = callOf(CALLER, () => {
        throw new AuditUnavailableError('full')
      })
      sent.length = 0
      await expect(asker(era, contextOf({}, send), {}).ask(questionOf({ call: unwritable.call }))).rejects.toThrow(
        'full',
      )
      expect(sent).toEqual([])
    }
  })

  it.each<[string, Partial<Question>]>([
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
  ])(`${verifies('P12')} has an answer of no use for %s`, async (_, change) => {
    const { mint, redeem } = confirmations()
    const state = await mint()
    await expect(redeem(state, questionOf(change))).rejects.toMatchObject(INVALID)
    // Which did not use it up.
    expect(await redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} has an answer of no use for another person, nor for the same one's other program`, async () => {
    const { mint, redeem } = confirmations()
    const remote: Caller = { kind: 'oauth', id: 'ann', host: '192.0.2.1', clientId: 'c1' }
    const asked = await mint(questionOf({ call: callOf(remote).call }))
    for (const other of [
      { ...remote, id: 'bob' },
      { ...remote, clientId: 'c2' },
      { ...remote, kind: 'os' as const },
    ])
      await expect(redeem(asked, questionOf({ call: callOf(other).call }))).rejects.toMatchObject(INVALID)
    // She may have gone from the office to the train meanwhile.
    const elsewhere = callOf({ ...remote, host: '198.51.100.7' }).call
    expect(await redeem(asked, questionOf({ call: elsewhere }))).toBe('accepted')
  })

  it('is the same question in another wording, from another version of the client', async () => {
    const { mint, redeem } = confirmations()
    const call = callOf({ ...CALLER, client: { name: 'host', version: '2' } }).call
    expect(await redeem(await mint(), questionOf({ text: 'Really?', call }))).toBe('accepted')
  })

  it(`${verifies('P12')} stands for five minutes`, async () => {
    const { clock, mint, redeem } = confirmations()
    const [soon, late, later] = [await mint(), await mint(), await mint()]
    clock.now += 5 * MINUTE - 1
    expect(await redeem(soon)).toBe('accepted')
    clock.now += 1
    await expect(redeem(late)).rejects.toMatchObject(INVALID)
    clock.now += 365 * 24 * 60 * MINUTE
    await expect(redeem(later)).rejects.toMatchObject(INVALID)
    // A use is remembered for as long as its state could be used again.
    await expect(redeem(soon)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is answered once, however often at the same time`, async () => {
    const { mint, redeem } = confirmations()
    const state = await mint()
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => redeem(state)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is not answered where nobody can tell whether it was before`, async () => {
    const broken: SingleUse = { open: async () => {}, claim: () => Promise.reject(new Error('the store is down')) }
    const { mint, redeem } = confirmations({ singleUse: broken })
    await expect(redeem(await mint())).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
    const full: SingleUse = { open: async () => {}, claim: () => Promise.resolve(false) }
    const refusing = confirmations({ singleUse: full })
    await expect(refusing.redeem(await refusing.mint())).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is answered on its person’s one account, whichever of their programs they use`, async () => {
    const owners: string[] = []
    const noting: SingleUse = {
      open: async () => {},
      claim: async (_, __, owner) => owners.push(owner) > 0,
    }
    const { mint, redeem } = confirmations({ singleUse: noting })
    for (const clientId of ['desktop', 'phone']) {
      const question = questionOf({ call: callOf({ ...CALLER, kind: 'oauth', clientId }).call })
      expect(await redeem(await mint(question), question)).toBe('accepted')
    }
    expect(new Set(owners).size).toBe(1)
  })

  it(`${verifies('P12')} is not asked where its answer could not be told from a repeated one`, async () => {
    const broken: SingleUse = { open: () => Promise.reject(new Error('the store is down')), claim: async () => true }
    const asked: boolean[] = []
    const { call } = callOf(CALLER, ends => asked.push(ends))
    const { mint } = confirmations({ singleUse: broken })
    await expect(mint(questionOf({ call }))).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
    expect(asked).toEqual([])
  })

  it(`${verifies('P12')} is of no use under another key, and of use under the same one elsewhere`, async () => {
    const key = randomBytes(32)
    const [here, there, stranger] = [confirmations({ key }), confirmations({ key }), confirmations()]
    const state = await here.mint()
    await expect(stranger.redeem(state)).rejects.toMatchObject(INVALID)
    expect(await there.redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} has a state of its own each time, short whatever is asked about`, async () => {
    const { mint } = confirmations()
    const huge = questionOf({ args: { description: 'd'.repeat(1_000_000) }, digest: 'd'.repeat(1_000_000) })
    const states = new Set(await Promise.all(Array.from({ length: 100 }, () => mint(huge))))
    expect(states.size).toBe(100)
    for (const state of states) expect(state.length).toBeLessThan(2048)
  })

  it.each([
    undefined,
    null,
    '',
    '.',
    '..',
    'W10.',
    '.AAAA',
    1,
    true,
    {},
    [],
    ['a.b'],
    'A'.repeat(2049),
    'é'.repeat(2048),
    '\ud800.\udfff',
    '\u0000',
  ])(`${verifies('P12')} has no answer in the state %j`, async state => {
    const { redeem } = confirmations()
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} has no answer in a state with any bit flipped`, async () => {
    const { mint, redeem } = confirmations()
    const state = await mint()
    for (let place = 0; place < state.length; place += 1)
      for (let bit = 0; bit < 7; bit += 1) {
        const flipped = String.fromCharCode(state.charCodeAt(place) ^ (1 << bit))
        const edited = `${state.slice(0, place)}${flipped}${state.slice(place + 1)}`
        await expect(redeem(edited), `bit ${bit} of character ${place}`).rejects.toMatchObject(INVALID)
      }
    expect(await redeem(state)).toBe('accepted')
  })
})

describe('an answer', () => {
  const answers: readonly [string, unknown, object][] = [
    ['a decline', { action: 'decline' }, DECLINED],
    ['a cancel', { action: 'cancel' }, DECLINED],
    ['a decline that ticks', { action: 'decline', content: { confirm: true } }, DECLINED],
    ['no tick', { action: 'accept', content: { confirm: false } }, DECLINED],
    ['the word true', { action: 'accept', content: { confirm: 'true' } }, DECLINED],
    ['the number one', { action: 'accept', content: { confirm: 1 } }, DECLINED],
    ['a list with true in it', { action: 'accept', content: { confirm: [true] } }, DECLINED],
    ['no content', { action: 'accept' }, DECLINED],
    ['content that is null', { action: 'accept', content: null }, DECLINED],
    ['a tick by inheritance', { action: 'accept', content: { ['__proto__']: { confirm: true } } }, DECLINED],
    ['nothing', undefined, INVALID],
    ['null', null, INVALID],
    ['true', true, INVALID],
    ['another action', { action: 'yes', content: { confirm: true } }, INVALID],
    ['content that is a list', { action: 'accept', content: [{ confirm: true }] }, INVALID],
  ]

  it.each(answers)(`${verifies('P12')} is no yes in the later era: %s`, async (_, answer, failure) => {
    const { mint, redeem } = confirmations()
    const state = await mint()
    await expect(redeem(state, questionOf(), { confirm: answer })).rejects.toMatchObject(failure)
    // It was the answer, all the same: there is no second.
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it.each(answers)(`${verifies('P12')} is no yes in the earlier era: %s`, async (_, answer, failure) => {
    const { asker } = confirmations()
    const asked = asker(
      'legacy',
      contextOf({}, () => answer),
      {},
    ).ask(questionOf())
    await expect(asked).rejects.toMatchObject(failure)
  })

  it(`${verifies('P12')} under another name is none`, async () => {
    const { mint, redeem } = confirmations()
    for (const responses of [{ Confirm: YES }, { ok: YES }, [YES], {}, null])
      await expect(redeem(await mint(), questionOf(), responses)).rejects.toMatchObject(INVALID)
  })
})

describe('a question in the earlier era', () => {
  it(`${verifies('P12')} is put to the client within the call, and waits no longer than it would stand`, async () => {
    const { asker } = confirmations()
    const sent: Asked[] = []
    const context = contextOf({}, asked => {
      sent.push(asked)
      return YES
    })
    expect(await asker('legacy', context, {}).ask(questionOf())).toBe('accepted')
    expect(sent).toMatchObject([
      {
        params: { message: 'Do it?', requestedSchema: { required: ['confirm'] } },
        options: { timeout: 5 * MINUTE },
      },
    ])
    // Cancelling the call withdraws the question.
    expect(sent[0]?.options.signal).toBe(context.mcpReq.signal)
  })

  it(`${verifies('P12')} that is not answered is declined`, async () => {
    const { asker } = confirmations()
    const context = contextOf({}, () => {
      throw new Error('timed out')
    })
    await expect(asker('legacy', context, {}).ask(questionOf())).rejects.toMatchObject(DECLINED)
  })

  it(`${verifies('P12')} has no answer that came with the call, not even one that the later era would take`, async () => {
    const { asker, mint } = confirmations()
    const silent = () => {
      throw new Error('nobody was to be asked')
    }
    for (const request of [
      { inputResponses: { confirm: YES } },
      { requestState: 'W10.AAAA' },
      { inputResponses: null },
    ]) {
      const asking = asker('legacy', contextOf(request, silent), {})
      expect(asking.answered).toBe(true)
      await expect(asking.ask(questionOf())).rejects.toMatchObject(INVALID)
    }
    expect(asker('legacy', contextOf(), {}).answered).toBe(false)
    const state = await mint()
    const other = questionOf({ call: callOf({ ...CALLER, id: '1001:bob' }).call })
    const context = contextOf({ inputResponses: { confirm: YES }, requestState: state }, silent)
    await expect(asker('legacy', context, {}).ask(other)).rejects.toMatchObject(INVALID)
  })
})

describe('what a client declares', () => {
  it.each([undefined, null, false, true, 'form', 1, { url: {} }, { url: {}, other: {} }])(
    `${verifies('P12')} cannot ask with %j`,
    async declared => {
      const { asker } = confirmations()
      for (const era of ['legacy', 'modern'] as const)
        await expect(
          asker(
            era,
            contextOf({}, () => YES),
            declared,
          ).ask(questionOf()),
        ).rejects.toMatchObject({
          code: 'CONFIRMATION_UNAVAILABLE',
        })
    },
  )

  it.each([{}, { form: {} }, { form: {}, url: {} }])('can ask with %j', async declared => {
    const { asker } = confirmations()
    expect(
      await asker(
        'legacy',
        contextOf({}, () => YES),
        declared,
      ).ask(questionOf()),
    ).toBe('accepted')
  })
})

describe('a question that stands open while the process stops', () => {
  it(`${verifies('P12')} is withdrawn, and its call may come again`, async () => {
    const stopping = new AbortController()
    const asker = createConfirmations({ singleUse: createSingleUse(), stopping: stopping.signal })
    const untilWithdrawn = ({ options: { signal } }: Asked) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('withdrawn'))))
    const answer = asker('legacy', contextOf({}, untilWithdrawn), {}).ask(questionOf())
    setImmediate(() => stopping.abort())
    await expect(answer).rejects.toMatchObject({ code: 'CONFIRMATION_UNAVAILABLE' })
  })
})

describe('a memory of what was used', () => {
  it(`${verifies('P12')} takes each once, and forgets it when it could not be used again anyway`, async () => {
    let now = 1000
    const memory = createSingleUse(() => now)
    expect(await memory.claim('a', 2000, 'ann')).toBe(true)
    expect(await memory.claim('a', 2000, 'ann')).toBe(false)
    now = 1999
    expect(await memory.claim('a', 2000, 'ann')).toBe(false)
    now = 2000
    expect(await memory.claim('a', 3000, 'ann')).toBe(true)
  })

  it(`${verifies('P12')} remembers through a clock that jumps ahead and is set right again`, async () => {
    let now = 1000
    const memory = createSingleUse(() => now)
    expect(await memory.claim('a', 2000, 'ann')).toBe(true)
    now = 9000
    expect(await memory.claim('b', 10_000, 'ann')).toBe(true)
    now = 1000
    expect(await memory.claim('a', 2000, 'ann')).toBe(false)
    expect(await memory.claim('b', 10_000, 'ann')).toBe(false)
    expect(await memory.claim('c', 2001, 'ann')).toBe(true)
  })

  it(`${verifies('P12')} refuses when it is full, rather than forget, and has room again as uses expire`, async () => {
    let now = 1000
    const memory = createSingleUse(() => now, { total: 3, perOwner: 3 })
    for (const [nonce, expiresAt] of [
      ['a', 2000],
      ['b', 3000],
      ['c', 4000],
    ] as const)
      expect(await memory.claim(nonce, expiresAt, nonce)).toBe(true)
    await expect(memory.claim('d', 5000, 'd')).rejects.toThrow()
    for (const nonce of ['a', 'b', 'c']) expect(await memory.claim(nonce, 5000, nonce)).toBe(false)
    now = 2000
    expect(await memory.claim('d', 5000, 'd')).toBe(true)
    await expect(memory.claim('e', 5000, 'e')).rejects.toThrow()
    for (const nonce of ['b', 'c', 'd']) expect(await memory.claim(nonce, 5000, nonce)).toBe(false)
  })

  it(`${verifies('P12')} is not one caller’s to fill: others’ answers go on to count`, async () => {
    let now = 1000
    const memory = createSingleUse(() => now, { total: 10, perOwner: 2 })
    for (const nonce of ['a', 'b']) expect(await memory.claim(nonce, 2000, 'ann')).toBe(true)
    await expect(memory.claim('c', 2000, 'ann')).rejects.toThrow()
    expect(await memory.claim('d', 2000, 'ben')).toBe(true)
    now = 2000
    for (const nonce of ['e', 'f']) expect(await memory.claim(nonce, 3000, 'ann')).toBe(true)
    await expect(memory.claim('g', 3000, 'ann')).rejects.toThrow()
  })
})
