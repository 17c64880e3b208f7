import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { YES } from '../../clients.ts'
import { outputOf, questionOf } from '../../human.ts'
import { errorCodeOf, type Message } from '../../running-server.ts'
import { writeTools } from '../../subject.ts'
import { ask } from '../confirmed-call.ts'
import { messageOf, type RemoteServer } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** How often one answer is sent at the same time. */
const AT_ONCE = 20

/** The later era: an answer comes with another request, through whoever's hands. */
export function describeAnswers(world: RemoteWorld): void {
  const { subject } = world
  const tools = writeTools(subject)
  if (tools.length === 0) return
  const scope = scopesOf(subject).join(' ')

  describe('an answer that comes with another request', () => {
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

    it.each(tools)(`${verifies('P12')} counts for the person and the program that were asked: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      for (const claims of [{ sub: 'grace' }, { client_id: 'other-client' }, { sub: 'Ada' }, { sub: 'ada ' }])
        await refused(await world.token(scope, { claims }), tool.name, args, question.reply(YES))
      // From wherever they come: another token of theirs is as good, and it was not used up by the attempts.
      const reply = messageOf(await remote.server.call(await world.token(scope), tool.name, args, question.reply(YES)))
      expect(outputOf(reply), JSON.stringify(reply)).toBeDefined()
      await refused(ada, tool.name, args, question.reply(YES))
    })

    it.each(tools)(`${verifies('P12')} is worth nothing to who may not call the tool: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      const arrivals = await world.arrivals(async () => {
        const reply = await remote.server.call(await world.token('openid'), tool.name, args, question.reply(YES))
        expect(reply.status).toBe(403)
      })
      expect(arrivals).toEqual([])
    })

    it.each(tools)(`${verifies('P12')} counts for that tool and those arguments: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      for (const [name, { optional }] of Object.entries(tool.fields)) {
        const other = { ...args, [name]: optional ? undefined : world.valid(tool)[name] }
        if (JSON.stringify(other) !== JSON.stringify(args)) await refused(ada, tool.name, other, question.reply(YES))
      }
      for (const other of subject.tools.filter(({ name }) => name !== tool.name))
        await refused(ada, other.name, world.valid(other), question.reply(YES))
    })

    const named = tools.filter(({ fields }) => Object.values(fields).some(({ kind }) => kind === 'filename'))
    it.each(named)(`${verifies('P3', 'P12')} counts for the content that was shown: $name`, async tool => {
      const args = world.valid(tool)
      const question = await ask(remote.server, ada, tool.name, args)
      writeFileSync(join(world.own, String(args.filename)), '# Another text\n\nThat nobody was shown.\n')
      await refused(ada, tool.name, args, question.reply(YES))
    })

    it.each(tools)(`${verifies('P12')} counts with its seal unbroken: every field of the state, $name`, async tool => {
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
      `${verifies('P12')} counts in the process that asked, where replicas share no key: $name`,
      async tool => {
        const other = await world.serve()
        const args = world.valid(tool)
        const question = await ask(other.server, ada, tool.name, args)
        await refused(ada, tool.name, args, question.reply(YES))
        await other.server.kill('SIGTERM')
      },
    )

    it.each(tools)(`${verifies('P7', 'P12')} counts once, also for ${AT_ONCE} at the same time: $name`, async tool => {
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
    })

    it.each(tools)(`${verifies('P12')} is a person’s: one that comes uninvited is none, $name`, async tool => {
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

    it.each(tools)(`${verifies('P12')} is used up by whichever era it comes in: $name`, async tool => {
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
        // A sealed answer is as good by whichever way it comes; it is just as much used up.
        expect([undefined, 'CONFIRMATION_INVALID', 'INVALID_INPUT']).toContain(errorCodeOf(reply))
      })
      await refusedOrDone(arrivals.length, tool.name, args, question.reply(YES))
    })

    /** Whatever the first attempt did: the two of them did it once at most. */
    const refusedOrDone = async (done: number, tool: string, args: unknown, answer: Message): Promise<void> => {
      const again = await world.arrivals(() => remote.server.call(ada, tool, args, answer))
      expect(done + again.length).toBeLessThanOrEqual(1)
    }
  })
}

async function answerWith(server: RemoteServer, token: string, tool: string, args: unknown, answer: Message) {
  return messageOf(await server.call(token, tool, args, answer))
}

/** As it would be made by who knows how, and another key. */
export function sealOf(body: string, key: string | Buffer): string {
  return createHmac('sha256', key).update(body).digest('base64url')
}
