import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  callOf,
  confirmationsOf,
  contextOf,
  INVALID,
  MINUTE,
  questionOf,
  YES,
} from '../../../test/call/confirmation-requests.ts'
import { BARE_DEFINITION } from '../../../test/call/tool-definition.ts'
import { createConfirmations } from './confirmation.ts'
import { createNonceStore } from './nonce-store.ts'
import { defineWriteTool } from './write-tool.ts'

function seal(body: string, key: Buffer): string {
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

describe('the sealed state of a question', () => {
  it(`${verifies('P12')} is refused under another key, and accepted under the same key in another process`, async () => {
    const key = randomBytes(32)
    const [here, there, stranger] = [confirmationsOf({ key }), confirmationsOf({ key }), confirmationsOf()]
    const state = await here.mint()
    await expect(stranger.redeem(state)).rejects.toMatchObject(INVALID)
    expect(await there.redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} is sealed with a key of its process, and goes by the time of day, unless told otherwise`, async () => {
    const expiries: number[] = []
    const create = () => {
      const memory = createNonceStore()
      const open = async (_: string, expiresAt: number) => void expiries.push(expiresAt)
      const confirmations = createConfirmations({ nonces: { ...memory, open } })
      const tool = defineWriteTool()({ ...BARE_DEFINITION, effect: 'irreversible', confirm: () => 'Do it?' })
      const request = { call: callOf().call, era: 'modern', elicitation: {}, stopping: undefined } as const
      return (state?: unknown) => {
        const context = contextOf(state ? { inputResponses: { confirm: YES }, requestState: state } : {})
        return confirmations.of(tool, { ...request, context })?.ask({}, undefined)
      }
    }
    const [here, stranger] = [create(), create()]
    const before = Date.now()
    const asked = (await here()) as { reply: { requestState: string } }
    expect(expiries).toHaveLength(1)
    expect(expiries[0]).toBeGreaterThanOrEqual(before + 5 * MINUTE)
    expect(expiries[0]).toBeLessThanOrEqual(Date.now() + 5 * MINUTE)
    const { requestState } = asked.reply
    await expect(stranger(requestState)).rejects.toMatchObject(INVALID)
    expect(await here(requestState)).toBe('accepted')
  })

  it(`${verifies('P12')} is another one each time, and short whatever the question is about`, async () => {
    const { mint } = confirmationsOf()
    const huge = questionOf({ args: { description: 'd'.repeat(1_000_000) }, digest: 'd'.repeat(1_000_000) })
    const states = new Set(await Promise.all(Array.from({ length: 100 }, () => mint(huge))))
    expect(states.size).toBe(100)
    for (const state of states) expect(state.length).toBeLessThan(2048)
  })

  it(`${verifies('P12')} does not show what it is bound to`, async () => {
    const { mint } = confirmationsOf()
    const state = await mint(questionOf({ args: { name: 'hunter2' }, digest: 'hunter2' }))
    expect(Buffer.from(state.split('.')[0] ?? '', 'base64url').toString()).not.toContain('hunter2')
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
  ])(`${verifies('P12')} is refused if it is %j`, async state => {
    const { redeem } = confirmationsOf()
    await expect(redeem(state)).rejects.toMatchObject(INVALID)
  })

  it(`${verifies('P12')} is refused with any bit flipped`, async () => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint()
    for (let place = 0; place < state.length; place += 1)
      for (let bit = 0; bit < 7; bit += 1) {
        const flipped = String.fromCharCode(state.charCodeAt(place) ^ (1 << bit))
        const edited = `${state.slice(0, place)}${flipped}${state.slice(place + 1)}`
        await expect(redeem(edited), `bit ${bit} of character ${place}`).rejects.toMatchObject(INVALID)
      }
    expect(await redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} is refused with anything added or cut off`, async () => {
    const { mint, redeem } = confirmationsOf()
    const state = await mint()
    for (const edited of [`${state}.`, `${state}A`, `${state}.AAAA`, state.slice(0, -1), ` ${state}`, `.${state}`])
      await expect(redeem(edited), edited).rejects.toMatchObject(INVALID)
    expect(await redeem(state)).toBe('accepted')
  })

  it(`${verifies('P12')} is looked at only up to 2048 characters, even if it is sealed`, async () => {
    const key = randomBytes(32)
    const { mint, redeem } = confirmationsOf({ key })
    const [body = ''] = (await mint()).split('.')
    const [binding, callId, ...rest] = JSON.parse(Buffer.from(body, 'base64url').toString())
    const padded = (bytes: number): string => {
      const missing = bytes - JSON.stringify([binding, callId, ...rest]).length
      return Buffer.from(JSON.stringify([binding, callId + 'x'.repeat(missing), ...rest])).toString('base64url')
    }
    // Three bytes become four characters. A seal has 43, and there is a full stop before it.
    const longest = padded(((2048 - 44) / 4) * 3)
    expect(seal(longest, key)).toHaveLength(2048)
    await expect(redeem(seal(`${longest}A`, key))).rejects.toMatchObject(INVALID)
    expect(await redeem(seal(longest, key))).toBe('accepted')
  })
})
