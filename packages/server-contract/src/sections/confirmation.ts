import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../attack.ts'
import { type Answer, CLIENT_LINES, type Connected, NO, YES } from '../clients.ts'
import { faultOfRefusal } from '../error-codes.ts'
import { callWithHuman, outputOf, questionOf } from '../human.ts'
import { errorCodeOf, type Message } from '../running-server.ts'
import { type ToolSubject, writeTools } from '../subject.ts'
import type { Launched, World } from '../world.ts'

const ERAS = ['legacy', 'modern'] as const

/** Answers that are not a plain yes. */
const NOT_YES: readonly (readonly [string, unknown])[] = [
  ['a decline', NO],
  ['a cancel', { action: 'cancel' }],
  ['an accept without content', { action: 'accept' }],
  ['an accept without the field', { action: 'accept', content: {} }],
  ['an accept with false', { action: 'accept', content: { confirm: false } }],
  ['an accept with a string', { action: 'accept', content: { confirm: 'true' } }],
  ['an accept with a number', { action: 'accept', content: { confirm: 1 } }],
  ['an accept with another field', { action: 'accept', content: { confirmed: true } }],
  ['a decline with true', { action: 'decline', content: { confirm: true } }],
  ['an unknown action', { action: 'yes', content: { confirm: true } }],
  ['an accept in the prototype', JSON.parse('{"action":"accept","content":{"__proto__":{"confirm":true}}}')],
  ['an empty object', {}],
  ['a string', 'yes'],
  ['null', null],
  ['a list', [true]],
]

/** Capabilities of clients that cannot show a form. */
const WITHOUT_FORMS = [{}, { elicitation: { url: {} } }, { sampling: {} }, { elicitation: null }]

/** The confirmation of writes by a person, if the operator requires it. */
export function describeConfirmation(world: World): void {
  const { confirmationOn } = world.subject
  const tools = writeTools(world.subject)
  if (!confirmationOn) {
    it(`${verifies('P12')} there is no write to confirm`, () => expect(tools).toEqual([]))
    return
  }
  const env = { ...confirmationOn }

  describe.each(ERAS)('a confirmation (%s era)', era => {
    let launched: Launched
    beforeAll(async () => {
      launched = await world.start(era, { env })
    })
    afterAll(() => launched.server.end())

    /** Calls a tool, with a person who gives this answer. */
    const answered = async (tool: string, args: unknown, answer: unknown): Promise<Message> => {
      const { server } = launched
      const { onRequest } = server
      server.onRequest = () => answer
      const reply = await callWithHuman(server, tool, args, { answer: answer as Answer })
      server.onRequest = onRequest
      return reply
    }

    it.each(tools)(`${verifies('P12')} shows every argument of $name`, async tool => {
      const { server } = launched
      const args = world.valid(tool)
      const questions: string[] = []
      server.onRequest = ({ params }) => {
        questions.push((params as { message: string }).message)
        return NO
      }
      const reply = await server.call(tool.name, args)
      const question = questionOf(reply)
      if (question) questions.push(question.message)
      server.onRequest = () => YES
      expect(questions).toHaveLength(1)
      for (const value of Object.values(args)) expect(questions[0]).toContain(value)
    })

    it.each(tools)(`${verifies('P7', 'P12')} by a yes runs $name once`, async tool => {
      const { server, trail } = launched
      const newRecords = trail.follow()
      const arrivals = await world.arrivals(async () => {
        const reply = await callWithHuman(server, tool.name, world.valid(tool))
        expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
      })
      expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)
      const events = newRecords()
      expect(events.map(({ event }) => event)).toEqual(['confirm', 'intent', 'outcome'])
      expect(events.map(({ confirmation }) => confirmation)).toEqual(['none', 'elicited', 'elicited'])
    })

    it.each(tools)(`${verifies('P12')} by any other answer does not run $name`, async tool => {
      const newRecords = launched.trail.follow()
      for (const [title, answer] of NOT_YES) {
        const arrivals = await world.arrivals(async () => {
          const reply = await answered(tool.name, world.valid(tool), answer)
          expect(['CONFIRMATION_DECLINED', 'CONFIRMATION_INVALID'], title).toContain(errorCodeOf(reply))
        })
        expect(arrivals, title).toEqual([])
        expect(newRecords().at(-1), title).toMatchObject({ event: 'denied', tool: tool.name })
      }
      await answered(tool.name, world.valid(tool), NO)
      expect(newRecords().at(-1)).toMatchObject({
        confirmation: 'declined',
        error: { code: 'CONFIRMATION_DECLINED' },
      })
    })

    it.each(WITHOUT_FORMS)(
      `${verifies('P12')} is required from a client with the capabilities %j`,
      async capabilities => {
        const { server, trail } = world.launch({ env })
        await server.open(era, capabilities)
        server.onRequest = () => YES
        const arrivals = await world.arrivals(async () => {
          for (const tool of tools) {
            const reply = await server.call(tool.name, world.valid(tool))
            // Capabilities that are not an object can end a call earlier.
            expect(['CONFIRMATION_UNAVAILABLE', 'INVALID_INPUT'], tool.name).toContain(errorCodeOf(reply))
          }
        })
        expect(arrivals).toEqual([])
        expect(trail.records().map(({ event }) => event)).not.toContain('intent')
        await server.end()
      },
    )
  })

  describe.each(CLIENT_LINES)('a confirmation through a %s client', line => {
    const expectCode = async (client: Connected, tool: ToolSubject, code: string): Promise<void> => {
      const arrivals = await world.arrivals(async () => {
        const result = await client.callTool(tool.name, world.valid(tool))
        expect(result._meta?.code, tool.name).toBe(code)
      })
      expect(arrivals).toEqual([])
    }

    it(`${verifies('P12')} by a no does not run the tool`, async () => {
      const { client } = await world.connect(line, () => NO, env)
      for (const tool of tools) await expectCode(client, tool, 'CONFIRMATION_DECLINED')
      await client.close()
    })

    it(`${verifies('P12')} is required: a client without elicitation is refused`, async () => {
      const { client } = await world.connect(line, undefined, env)
      for (const tool of tools) await expectCode(client, tool, 'CONFIRMATION_UNAVAILABLE')
      await client.close()
    })
  })

  describe('a confirmation that is not answered yet (legacy era)', () => {
    /** Starts a server, calls every write tool, and leaves their questions open. The ids are the names of the tools. */
    const askAll = async (): Promise<Launched> => {
      const launched = await world.start('legacy', { env })
      let asked = 0
      launched.server.onRequest = () => {
        asked += 1
        return undefined
      }
      for (const tool of tools) {
        const params = { name: tool.name, arguments: world.valid(tool) }
        launched.server.write({ jsonrpc: '2.0', id: tool.name, method: 'tools/call', params })
      }
      await waitFor(() => asked === tools.length)
      expect(asked).toBe(tools.length)
      return launched
    }
    const names = tools.map(({ name }) => name).sort()

    it(`${verifies('P7', 'P12')} ends with its call if that is cancelled`, async () => {
      const arrivals = await world.arrivals(async () => {
        const { server, trail } = await askAll()
        for (const { name } of tools)
          server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: name } })
        await waitFor(() => trail.terminals().length === tools.length)
        const terminals = trail.terminals()
        expect(terminals.map(({ tool }) => tool).sort()).toEqual(names)
        for (const record of terminals)
          expect(record).toMatchObject({ event: 'denied', confirmation: 'none', error: { code: 'CANCELLED' } })
        expect(await server.end()).toBe(0)
      })
      expect(arrivals).toEqual([])
    })

    it(`${verifies('P7', 'P12')} ends with the process`, async () => {
      const arrivals = await world.arrivals(async () => {
        const { server, trail } = await askAll()
        expect(await server.kill('SIGTERM')).toBe(0)
        const terminals = trail.terminals()
        expect(terminals.map(({ tool }) => tool).sort()).toEqual(names)
        for (const { event } of terminals) expect(event).toBe('denied')
      })
      expect(arrivals).toEqual([])
    })

    it(`${verifies('P12')} is not given by an error of the client`, async () => {
      const { server } = await world.start('legacy', { env })
      server.onRequest = ({ id }) => {
        server.write({ jsonrpc: '2.0', id, error: { code: -32000, message: world.canary } })
        return undefined
      }
      const arrivals = await world.arrivals(async () => {
        for (const tool of tools)
          expect(faultOfRefusal(await server.call(tool.name, world.valid(tool))), tool.name).toBeUndefined()
      })
      expect(arrivals).toEqual([])
      await server.end()
    })
  })

  describe('an answer in a second call (modern era)', () => {
    let launched: Launched
    let other: Launched
    beforeAll(async () => {
      ;[launched, other] = await Promise.all([world.start('modern', { env }), world.start('modern', { env })])
    })
    afterAll(() => Promise.all([launched.server.end(), other.server.end()]))

    /** Calls a tool. Resolves to the parameters that answer its question with yes. */
    const ask = async (tool: string, args: unknown, { server } = launched): Promise<Message> => {
      const question = questionOf(await server.call(tool, args))
      if (!question) throw new Error('the server did not ask for a confirmation')
      return question.reply(YES)
    }
    const refused = async (tool: string, args: unknown, extra: Message): Promise<void> => {
      const arrivals = await world.arrivals(async () => {
        const reply = await launched.server.call(tool, args, extra)
        expect(['CONFIRMATION_INVALID', 'INVALID_INPUT'], JSON.stringify(reply)).toContain(errorCodeOf(reply))
      })
      expect(arrivals).toEqual([])
    }

    it.each(tools)(`${verifies('P12')} is accepted once: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      expect(outputOf(await launched.server.call(tool.name, args, answer))).toBeDefined()
      for (let again = 0; again < 3; again += 1) await refused(tool.name, args, answer)
    })

    it.each(tools)(`${verifies('P12')} is accepted once if it is sent eight times concurrently: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      const replies = await Promise.all(Array.from({ length: 8 }, () => launched.server.call(tool.name, args, answer)))
      expect(replies.filter(reply => outputOf(reply))).toHaveLength(1)
      expect(replies.filter(reply => errorCodeOf(reply) === 'CONFIRMATION_INVALID')).toHaveLength(7)
    })

    it.each(tools)(`${verifies('P12')} is not accepted with other arguments: $name`, async tool => {
      const args = world.valid(tool)
      const answer = await ask(tool.name, args)
      for (const [name, { optional }] of Object.entries(tool.fields)) {
        const changed = { ...args, [name]: optional ? undefined : world.valid(tool)[name] }
        if (JSON.stringify(changed) !== JSON.stringify(args)) await refused(tool.name, changed, answer)
      }
      await refused(tool.name, {}, answer)
    })

    it.each(tools)(`${verifies('P12')} is not accepted by another tool: $name`, async tool => {
      const answer = await ask(tool.name, world.valid(tool))
      for (const another of world.subject.tools.filter(({ name }) => name !== tool.name))
        await refused(another.name, world.valid(another), answer)
    })

    it.each(tools)(`${verifies('P12')} is not accepted by another process: $name`, async tool => {
      const args = world.valid(tool)
      await refused(tool.name, args, await ask(tool.name, args, other))
    })

    it.each(tools)(`${verifies('P12')} is not accepted with an altered state: $name`, async tool => {
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

    it.each(tools)(`${verifies('P12')} is required: the state alone is not accepted: $name`, async tool => {
      for (const inputResponses of [undefined, {}, { other: YES }, { confirm: null }, { confirm: true }, []]) {
        const args = world.valid(tool)
        const { requestState } = await ask(tool.name, args)
        await refused(tool.name, args, { requestState, inputResponses })
      }
    })
  })
}
