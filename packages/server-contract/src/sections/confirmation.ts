import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../attack.ts'
import { type Answer, CLIENT_LINES, NO, YES } from '../clients.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { callWithHuman, outputOf, questionOf } from '../human.ts'
import { errorCodeOf, type Message } from '../running-server.ts'
import { writeTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

const ERAS = ['legacy', 'modern'] as const

/** Everything that is not a plain yes. */
const NOT_YES: readonly (readonly [string, unknown])[] = [
  ['no', NO],
  ['a closed window', { action: 'cancel' }],
  ['an empty form', { action: 'accept' }],
  ['a form without the field', { action: 'accept', content: {} }],
  ['an unticked box', { action: 'accept', content: { confirm: false } }],
  ['a yes in words', { action: 'accept', content: { confirm: 'true' } }],
  ['a yes in numbers', { action: 'accept', content: { confirm: 1 } }],
  ['a yes to something else', { action: 'accept', content: { confirmed: true } }],
  ['a no that is filled in', { action: 'decline', content: { confirm: true } }],
  ['no known action', { action: 'yes', content: { confirm: true } }],
  ['a yes by the prototype', JSON.parse('{"action":"accept","content":{"__proto__":{"confirm":true}}}')],
  ['nothing', {}],
  ['a word', 'yes'],
  ['null', null],
  ['a list', [true]],
]

/** What a human has to say before a write, where the operator wants them asked. */
export function describeConfirmation(world: World): void {
  const { asking } = world.subject
  const tools = writeTools(world.subject)
  if (!asking) {
    it(`${verifies('P12')} there is no write to confirm`, () => expect(tools).toEqual([]))
    return
  }
  const env = { ...asking }

  describe.each(ERAS)('the human (%s era)', era => {
    let launched: Launched
    beforeAll(async () => {
      launched = await world.start(era, { env })
    })
    afterAll(() => launched.server.end())

    /** The answer of a human who says something else. */
    const answered = async (tool: string, args: unknown, answer: unknown): Promise<Message> => {
      const { server } = launched
      const { onRequest } = server
      server.onRequest = () => answer
      const reply = await callWithHuman(server, tool, args, { answer: answer as Answer })
      server.onRequest = onRequest
      return reply
    }

    it.each(tools)(`${verifies('P12')} is shown everything that $name is going to do`, async ({ name, valid }) => {
      const { server } = launched
      const args = world.valid({ name, valid } as (typeof tools)[number])
      const questions: string[] = []
      server.onRequest = ({ params }) => {
        questions.push((params as { message: string }).message)
        return NO
      }
      const reply = await server.call(name, args)
      const question = questionOf(reply)
      if (question) questions.push(question.message)
      server.onRequest = () => YES
      expect(questions).toHaveLength(1)
      for (const value of Object.values(args)) expect(questions[0]).toContain(value)
    })

    it.each(tools)(`${verifies('P7', 'P12')} lets $name happen, once, by saying yes`, async tool => {
      const { server, trail } = launched
      const before = trail.records().length
      const arrivals = await world.arrivals(async () => {
        const reply = await callWithHuman(server, tool.name, world.valid(tool))
        expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
      })
      expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)
      const events = trail.records().slice(before)
      expect(events.map(({ event }) => event)).toEqual(['confirm', 'intent', 'outcome'])
      expect(events.map(({ confirmation }) => confirmation)).toEqual(['none', 'elicited', 'elicited'])
    })

    it.each(tools)(`${verifies('P12')} keeps $name from happening by anything else`, async tool => {
      const { trail } = launched
      for (const [title, answer] of NOT_YES) {
        const arrivals = await world.arrivals(async () => {
          const reply = await answered(tool.name, world.valid(tool), answer)
          expect(['CONFIRMATION_DECLINED', 'CONFIRMATION_INVALID'], title).toContain(errorCodeOf(reply))
        })
        expect(arrivals, title).toEqual([])
        expect(trail.records().at(-1), title).toMatchObject({ event: 'denied', tool: tool.name })
      }
      await answered(tool.name, world.valid(tool), NO)
      expect(trail.records().at(-1)).toMatchObject({
        confirmation: 'declined',
        error: { code: 'CONFIRMATION_DECLINED' },
      })
    })

    it.each(tools)(`${verifies('P12')} is needed: $name refuses where the client cannot ask`, async tool => {
      for (const capabilities of [{}, { elicitation: { url: {} } }, { sampling: {} }, { elicitation: null }]) {
        const { server, trail } = world.launch({ env })
        await server.open(era, capabilities)
        server.onRequest = () => YES
        const arrivals = await world.arrivals(async () => {
          const reply = await server.call(tool.name, world.valid(tool))
          // Capabilities that are no object may end a call earlier.
          expect(['CONFIRMATION_UNAVAILABLE', 'INVALID_INPUT']).toContain(errorCodeOf(reply))
        })
        expect(arrivals).toEqual([])
        expect(trail.records().map(({ event }) => event)).not.toContain('intent')
        await server.end()
      }
    })
  })

  describe.each(CLIENT_LINES)('the human behind a %s client', line => {
    it.each(tools)(`${verifies('P12')} keeps $name from happening by saying no`, async tool => {
      const { client } = await world.connect(line, () => NO, env)
      const arrivals = await world.arrivals(async () => {
        const result = await client.callTool(tool.name, world.valid(tool))
        expect(result._meta?.code).toBe('CONFIRMATION_DECLINED')
      })
      expect(arrivals).toEqual([])
      await client.close()
    })

    it.each(tools)(`${verifies('P12')} is needed: $name refuses a client that cannot ask`, async tool => {
      const { client } = await world.connect(line, undefined, env)
      const arrivals = await world.arrivals(async () => {
        const result = await client.callTool(tool.name, world.valid(tool))
        expect(result._meta?.code).toBe('CONFIRMATION_UNAVAILABLE')
      })
      expect(arrivals).toEqual([])
      await client.close()
    })
  })

  describe('a question that stands open (legacy era)', () => {
    it.each(tools)(`${verifies('P7', 'P12')} ends with the call that was cancelled: $name`, async tool => {
      const { server, trail } = await world.start('legacy', { env })
      let asked = false
      server.onRequest = () => {
        asked = true
        return undefined
      }
      const arrivals = await world.arrivals(async () => {
        const params = { name: tool.name, arguments: world.valid(tool) }
        server.write({ jsonrpc: '2.0', id: 'open', method: 'tools/call', params })
        await waitFor(() => asked)
        server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'open' } })
        await waitFor(() => trail.terminals().length > 0)
      })
      expect(arrivals).toEqual([])
      expect(trail.terminals()).toMatchObject([{ event: 'denied', confirmation: 'none', error: { code: 'CANCELLED' } }])
      expect(await server.end()).toBe(0)
    })

    it.each(tools)(`${verifies('P7', 'P12')} ends with the client: $name`, async tool => {
      const { server, trail } = await world.start('legacy', { env })
      let asked = false
      server.onRequest = () => {
        asked = true
        return undefined
      }
      const arrivals = await world.arrivals(async () => {
        const params = { name: tool.name, arguments: world.valid(tool) }
        server.write({ jsonrpc: '2.0', id: 'open', method: 'tools/call', params })
        await waitFor(() => asked)
        expect(await server.kill('SIGTERM')).toBe(0)
      })
      expect(arrivals).toEqual([])
      expect(trail.terminals()).toMatchObject([{ event: 'denied', tool: tool.name }])
    })

    it.each(tools)(`${verifies('P12')} is not answered by an error: $name`, async tool => {
      const { server } = await world.start('legacy', { env })
      server.onRequest = ({ id }) => {
        server.write({ jsonrpc: '2.0', id, error: { code: -32000, message: world.canary } })
        return undefined
      }
      const arrivals = await world.arrivals(async () => {
        expect(faultOfRefusal(await server.call(tool.name, world.valid(tool)))).toBeUndefined()
      })
      expect(arrivals).toEqual([])
      await server.end()
    })
  })

  describe('an answer that comes with another call (modern era)', () => {
    let launched: Launched
    beforeAll(async () => {
      launched = await world.start('modern', { env })
    })
    afterAll(() => launched.server.end())

    /** Asks, and gives what the answer to that question has to carry. */
    const ask = async (tool: string, args: unknown): Promise<Message> => {
      const question = questionOf(await launched.server.call(tool, args))
      if (!question) throw new Error('it was not asked')
      return question.reply(YES)
    }
    const refused = async (tool: string, args: unknown, extra: Message): Promise<void> => {
      const arrivals = await world.arrivals(async () => {
        const reply = await launched.server.call(tool, args, extra)
        expect(['CONFIRMATION_INVALID', 'INVALID_INPUT'], JSON.stringify(reply)).toContain(errorCodeOf(reply))
      })
      expect(arrivals).toEqual([])
    }

    it.each(tools)(`${verifies('P12')} works once: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      expect(outputOf(await launched.server.call(tool.name, args, answer))).toBeDefined()
      for (let again = 0; again < 3; again += 1) await refused(tool.name, args, answer)
    })

    it.each(tools)(`${verifies('P12')} works once, also for those who come at the same time: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      const replies = await Promise.all(Array.from({ length: 8 }, () => launched.server.call(tool.name, args, answer)))
      expect(replies.filter(reply => outputOf(reply))).toHaveLength(1)
      expect(replies.filter(reply => errorCodeOf(reply) === 'CONFIRMATION_INVALID')).toHaveLength(7)
    })

    it.each(tools)(`${verifies('P12')} is for those arguments alone: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      for (const [name, { optional }] of Object.entries(tool.fields)) {
        const other = { ...args, [name]: optional ? undefined : world.valid(tool)[name] }
        if (JSON.stringify(other) !== JSON.stringify(args)) await refused(tool.name, other, answer)
      }
      await refused(tool.name, {}, answer)
    })

    it.each(tools)(`${verifies('P12')} is for that tool alone: $name`, async tool => {
      const answer = await ask(tool.name, world.valid(tool))
      for (const other of world.subject.tools.filter(({ name }) => name !== tool.name))
        await refused(other.name, world.valid(other), answer)
    })

    it.each(tools)(`${verifies('P12')} is for that process alone: $name`, async tool => {
      const other = await world.start('modern', { env })
      const args = world.valid(tool)
      const question = questionOf(await other.server.call(tool.name, args))
      await refused(tool.name, args, question?.reply(YES) ?? {})
      await other.server.end()
    })

    it.each(tools)(`${verifies('P12')} holds no altered state: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      const state = String(answer.requestState)
      const [body = '', seal = ''] = state.split('.')
      const flipped = (text: string, at: number): string =>
        text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
      const altered = [
        ...[0, 1, body.length >> 1, body.length - 2].map(at => `${flipped(body, at)}.${seal}`),
        ...[0, seal.length >> 1].map(at => `${body}.${flipped(seal, at)}`),
        body,
        `${body}.`,
        `.${seal}`,
        `${state}.`,
        `${state} `,
        `${state}.${seal}`,
        `${body}.${seal.slice(0, -1)}`,
        `${body}\n.${seal}`,
        state.toUpperCase(),
      ]
      for (const requestState of altered) await refused(tool.name, args, { ...answer, requestState })
    })

    it.each(tools)(`${verifies('P12')} is an answer: a state without one is none: $name`, async tool => {
      for (const inputResponses of [undefined, {}, { other: YES }, { confirm: null }, { confirm: true }, []]) {
        const args = world.valid(tool)
        const { requestState } = await ask(tool.name, args)
        await refused(tool.name, args, { requestState, inputResponses })
      }
    })
  })
}
