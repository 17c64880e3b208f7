import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { YES } from '../../clients.ts'
import { outputOf, questionOf } from '../../human.ts'
import { errorCodeOf, type Message } from '../../running-server.ts'
import { writeTools } from '../../subject.ts'
import { ask } from '../confirmed-call.ts'
import { messageOf, type RemoteServer } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** The number of concurrent requests with the same answer. */
const AT_ONCE = 20

/** Answers of the modern era, which come in a second request. */
export function describeAnswers(world: RemoteWorld): void {
  const { subject } = world
  const tools = writeTools(subject)
  if (tools.length === 0) return
  const scope = scopesOf(subject).join(' ')

  describe('an answer in a second request', () => {
    let remote: Remote
    let ada: string
    beforeAll(async () => {
      remote = await world.serve()
      ada = await world.token(scope)
    })
    afterAll(() => remote.server.kill('SIGTERM'))

    const refused = async (token: string, tool: string, args: unknown, extra: Message, at = remote): Promise<void> => {
      const before = at.trail.terminals().length
      const arrivals = await world.arrivals(async () => {
        const reply = messageOf(await at.server.call(token, tool, args, extra))
        expect(['CONFIRMATION_INVALID', 'INVALID_INPUT'], JSON.stringify(reply)).toContain(errorCodeOf(reply))
      })
      expect(arrivals).toEqual([])
      expect(at.trail.terminals().slice(before)).toMatchObject([{ event: 'denied' }])
    }

    it.each(tools)(
      `${verifies('P12')} is accepted only of the person and the client that were asked: $name`,
      async tool => {
        const args = world.valid(tool)
        const question = await ask(remote.server, ada, tool.name, args)
        for (const claims of [{ sub: 'grace' }, { client_id: 'other-client' }, { sub: 'Ada' }, { sub: 'ada ' }])
          await refused(await world.token(scope, { claims }), tool.name, args, question.reply(YES))
        // Another token of the same person and client is accepted: the attempts have not used up the answer.
        const reply = messageOf(
          await remote.server.call(await world.token(scope), tool.name, args, question.reply(YES)),
        )
        expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
        await refused(ada, tool.name, args, question.reply(YES))
      },
    )

    it.each(tools)(`${verifies('P12')} does not replace the scope of the tool: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      const arrivals = await world.arrivals(async () => {
        const reply = await remote.server.call(await world.token('openid'), tool.name, args, question.reply(YES))
        expect(reply.status).toBe(403)
      })
      expect(arrivals).toEqual([])
    })

    it.each(tools)(`${verifies('P12')} is accepted only with the same tool and arguments: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      for (const [name, { optional }] of Object.entries(tool.fields)) {
        const other = { ...args, [name]: optional ? undefined : world.valid(tool)[name] }
        if (JSON.stringify(other) !== JSON.stringify(args)) await refused(ada, tool.name, other, question.reply(YES))
      }
      for (const other of subject.tools.filter(({ name }) => name !== tool.name))
        await refused(ada, other.name, world.valid(other), question.reply(YES))
    })

    it.each(tools)(`${verifies('P12')} is not accepted if any field of its state was changed: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      const answer = question.reply(YES)
      const [body = '', seal = ''] = String(answer.requestState).split('.')
      const fields = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[]
      expect(fields.length).toBeGreaterThan(3)
      const edits = [
        ...fields.map((field, at) => fields.with(at, typeof field === 'number' ? field + 60_000 : `${field}0`)),
        fields.slice(1),
        [...fields, 'more'],
        {},
      ]
      for (const edit of edits) {
        const edited = Buffer.from(JSON.stringify(edit)).toString('base64url')
        const seals = [seal, '', seal.slice(1), ...['', 'key', world.auditKey].map(key => sealOf(edited, key))]
        for (const forged of seals)
          await refused(ada, tool.name, args, { ...answer, requestState: `${edited}.${forged}` })
      }
      for (const requestState of [undefined, null, '', '.', body, `.${seal}`, {}, [answer.requestState], 1])
        await refused(ada, tool.name, args, { ...answer, requestState })
      expect(outputOf(messageOf(await remote.server.call(ada, tool.name, args, answer)))).toBeDefined()
    })

    it.each(tools)(
      `${verifies('P12')} is accepted only by the process that asked, if replicas share no key: $name`,
      async tool => {
        const other = await world.serve()
        const args = world.valid(tool)
        const question = await ask(other.server, ada, tool.name, args)
        await refused(ada, tool.name, args, question.reply(YES))
        await other.server.kill('SIGTERM')
      },
    )

    it.each(tools)(
      `${verifies('P7', 'P12')} is accepted once if it is sent ${AT_ONCE} times concurrently: $name`,
      async tool => {
        const args = world.valid(tool)
        const question = await ask(remote.server, ada, tool.name, args)
        const before = remote.trail.records().length
        const arrivals = await world.arrivals(async () => {
          const replies = await Promise.all(
            Array.from({ length: AT_ONCE }, () => answerWith(remote.server, ada, tool.name, args, question.reply(YES))),
          )
          expect(replies.filter(reply => outputOf(reply))).toHaveLength(1)
          expect(replies.filter(reply => errorCodeOf(reply) === 'CONFIRMATION_INVALID')).toHaveLength(AT_ONCE - 1)
        })
        expect(arrivals).toHaveLength(tool.endpoint ? 1 : 0)
        const events = remote.trail
          .records()
          .slice(before)
          .map(({ event }) => event)
        expect(events.filter(event => event === 'intent')).toHaveLength(1)
        expect(events.filter(event => event === 'denied')).toHaveLength(AT_ONCE - 1)
      },
    )

    it.each(tools)(`${verifies('P12')} is not accepted without a question: $name`, async tool => {
      for (const extra of [
        { inputResponses: { confirm: YES } },
        { inputResponses: { confirm: YES }, requestState: '' },
        { requestState: 'e30.' },
        { _meta: { confirm: YES, inputResponses: { confirm: YES } } },
      ]) {
        const arrivals = await world.arrivals(async () => {
          const reply = messageOf(await remote.server.call(ada, tool.name, world.valid(tool), extra))
          expect(outputOf(reply)).toBeUndefined()
          if (!questionOf(reply)) expect(['CONFIRMATION_INVALID', 'INVALID_INPUT']).toContain(errorCodeOf(reply))
        })
        expect(arrivals).toEqual([])
      }
    })

    it.each(tools)(`${verifies('P12')} is accepted once over both eras: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      const session = await remote.server.openSession(ada)
      const message = {
        id: 7,
        method: 'tools/call',
        params: { name: tool.name, arguments: args, ...question.reply(YES) },
      }
      const arrivals = await world.arrivals(async () => {
        const reply = messageOf(await remote.server.legacy(ada, session, message))
        // The server may accept the answer in a legacy session, but then it is used up.
        expect([undefined, 'CONFIRMATION_INVALID', 'INVALID_INPUT']).toContain(errorCodeOf(reply))
      })
      const again = await world.arrivals(() => remote.server.call(ada, tool.name, args, question.reply(YES)))
      expect(arrivals.length + again.length).toBeLessThanOrEqual(1)
    })
  })
}

async function answerWith(server: RemoteServer, token: string, tool: string, args: unknown, answer: Message) {
  return messageOf(await server.call(token, tool, args, answer))
}

/** The seal of a state with any key. */
export function sealOf(body: string, key: string | Buffer): string {
  return createHmac('sha256', key).update(body).digest('base64url')
}
