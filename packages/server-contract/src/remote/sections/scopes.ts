import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodeOf, type Message } from '../../running-server.ts'
import type { ToolSubject } from '../../subject.ts'
import { challengeOf, METADATA_URL } from '../challenge.ts'
import { effectsOf } from '../effects.ts'
import { asModern, messageOf, type Reply } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

type Call = (scope: string, tool: ToolSubject, args: unknown) => Promise<Reply>

/** A token allows the tools whose scope it has. */
export function describeScopes(world: RemoteWorld): void {
  const { subject } = world
  const all = scopesOf(subject)
  let remote: Remote

  /** One session for each set of scopes. */
  const sessions = new Map<string, Promise<string>>()
  const calls: Readonly<Record<'modern' | 'legacy', Call>> = {
    modern: async (scope, { name }, args) => await remote.server.call(await world.token(scope), name, args),
    async legacy(scope, { name }, args) {
      const opened = sessions.get(scope) ?? world.token(scope).then(token => remote.server.openSession(token))
      sessions.set(scope, opened)
      const params = { name, arguments: args }
      return await remote.server.legacy(await world.token(scope), await opened, { id: 1, method: 'tools/call', params })
    },
  }

  const expectServed = async (call: Call, scope: string, tool: ToolSubject): Promise<void> => {
    const send = (): Promise<Reply> => call(scope, tool, world.valid(tool))
    const { reply, records, arrivals } = await effectsOf(world, remote, send)
    const title = `${tool.name} with “${scope}”`
    expect(reply.status, title).toBe(200)
    expect((messageOf(reply).result as Message).structuredContent, title).toBeDefined()
    expect(records.map(({ event }) => event)).toEqual(['intent', 'outcome'])
    expect(arrivals.length).toBe(tool.endpoint ? 1 : 0)
  }

  const expectForbidden = async (call: Call, scope: string, tool: ToolSubject): Promise<void> => {
    const args = { ...world.valid(tool), [world.canary]: world.canary }
    const { reply, records, arrivals } = await effectsOf(world, remote, () => call(scope, tool, args))
    const title = `${tool.name} with “${scope}”`
    expect(reply.status, title).toBe(403)
    const { error, scope: needed = '', resource_metadata: where } = challengeOf(reply)
    expect({ error, where }).toEqual({ error: 'insufficient_scope', where: METADATA_URL })
    const had = scope.split(' ').filter(word => all.includes(word))
    expect(new Set(needed.split(' '))).toEqual(new Set([...had, tool.scope]))
    expect(needed.split(' ')).toHaveLength(new Set(had).size + 1)
    const message = messageOf(reply)
    expect(message).toMatchObject({ jsonrpc: '2.0', id: 1 })
    expect(errorCodeOf(message)).toBe('FORBIDDEN')
    expect(records).toMatchObject([
      {
        event: 'denied',
        tool: tool.name,
        effect: tool.effect,
        error: { code: 'FORBIDDEN' },
        caller: { kind: 'oauth', id: 'ada', clientId: 'contract-client', host: '127.0.0.1' },
      },
    ])
    const recorded = (records[0]?.args ?? {}) as Message
    expect(Object.keys(recorded)).toEqual(expect.arrayContaining(Object.keys(tool.fields)))
    for (const name of textFields(tool)) expect(recorded[name], `${title}: ${name}`).toMatch(/^hmac:/)
    expect(JSON.stringify(records)).not.toContain(world.canary)
    expect(arrivals).toEqual([])
  }

  describe('a scope', () => {
    beforeAll(async () => {
      remote = await world.serve(subject.confirmationOff)
    })
    afterAll(async () => void (await remote.server.kill('SIGTERM')))

    const matrix = subsetsOf(all).flatMap(scopes =>
      subject.tools.map(tool => [tool.name, scopes.join(' '), tool] as const),
    )

    describe.each(['modern', 'legacy'] as const)('(%s era)', era => {
      it.each(matrix)(`${verifies('P7', 'P15')} of the token is required: %s with “%s”`, async (_, scope, tool) => {
        const served = scope.split(' ').includes(tool.scope)
        await (served ? expectServed : expectForbidden)(calls[era], scope, tool)
      })

      it.each(subject.tools)(`${verifies('P15')} is compared as a whole: $name with similar scopes`, async tool => {
        const { scope } = tool
        const [area = '', verb = ''] = scope.split(':')
        const almost = [
          `${scope}X`,
          `X${scope}`,
          `${scope}:all`,
          scope.slice(0, -1),
          area,
          verb,
          `${area}:`,
          `${area}:*`,
          '*',
          `*:${verb}`,
          `${area}:admin`,
          `${area}.${verb}`,
          scope.toUpperCase(),
          `${scope},openid`,
          `openid,${scope}`,
          `https://mcp.example.com/${scope}`,
          `${area} ${verb}`,
          '__proto__ constructor',
        ]
        for (const words of almost) await expectForbidden(calls[era], words, tool)
      })

      it(`${verifies('P15')} of another server is ignored, and is not part of the challenge`, async () => {
        for (const tool of subject.tools) {
          await expectServed(calls[era], `openid ${tool.scope} elsewhere:write`, tool)
          await expectForbidden(calls[era], 'openid elsewhere:write', tool)
        }
      })

      it(`${verifies('P15')} is not required to list a tool`, async () => {
        const names = subject.tools.map(({ name }) => name)
        for (const scope of ['', 'openid', ...all]) {
          const token = await world.token(scope)
          const reply =
            era === 'modern'
              ? await remote.server.modern(token, 'tools/list')
              : await remote.server.legacy(token, await remote.server.openSession(token), {
                  id: 1,
                  method: 'tools/list',
                })
          const { tools } = messageOf(reply).result as { tools: { name: string }[] }
          expect(tools.map(({ name }) => name)).toEqual(names)
        }
      })
    })

    it(`${verifies('P15')} is that of the request’s own token, not of the token that opened the session`, async () => {
      const [tool] = subject.tools
      if (!tool) throw new Error('a server has tools')
      const most = await world.token(all.join(' '))
      const session = await remote.server.openSession(most)
      const params = { name: tool.name, arguments: world.valid(tool) }
      const call = async (token: string, id = 1) =>
        (await remote.server.legacy(token, session, { id, method: 'tools/call', params })).status
      expect(await call(most)).toBe(200)
      const least = await world.token('openid')
      expect(await call(least)).toBe(403)
      // The same with concurrent requests.
      const tokens = Array.from({ length: 40 }, (_, n) => (n % 2 ? most : least))
      const statuses = await Promise.all(tokens.map((token, n) => call(token, n + 2)))
      expect(statuses).toEqual(tokens.map(token => (token === most ? 200 : 403)))
    })

    it(`${verifies('P7', 'P15')} cannot be avoided by a message that programs parse in different ways`, async () => {
      const forbidden = subject.tools[0]
      if (!forbidden) throw new Error('a server has tools')
      const args = JSON.stringify(world.valid(forbidden))
      const name = JSON.stringify(forbidden.name)
      const token = await world.token('openid')
      const envelope = /"_meta":\{.*\}(?=\}\}$)/
      const { headers, body } = asModern('tools/call', { name: forbidden.name })
      const meta = envelope.exec(body)?.[0]
      const texts = [
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":${name}},"arguments":${args},${meta}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing","arguments":${args},${meta},"name":${name}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${name},"arguments":${args},${meta},"name":"nothing"}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":${name},"arguments":${args},${meta}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":[${name}],"arguments":${args},${meta}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":${name},"arguments":${args},${meta}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list","params":{"name":${name},"arguments":${args},${meta}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"TOOLS/CALL","params":{"name":${name},"arguments":${args},${meta}}}`,
      ]
      const authorization = { Authorization: `Bearer ${token}` }
      for (const text of texts)
        for (const claim of [{}, { 'Mcp-Name': 'nothing' }, { 'Mcp-Method': 'tools/list' }]) {
          const send = (): Promise<Reply> =>
            remote.server.send('POST', '/mcp', { ...headers, ...authorization, ...claim }, text)
          const { reply, records, arrivals } = await effectsOf(world, remote, send)
          expect(messageOf(reply).result ?? {}, text).not.toHaveProperty('content')
          expect(arrivals).toEqual([])
          const isCall = JSON.parse(text).method === 'tools/call'
          expect(
            records.map(({ event }) => event),
            text,
          ).toEqual(isCall ? ['denied'] : [])
        }
    })
  })
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  const [first, ...others] = items
  if (first === undefined) return [[]]
  const without = subsetsOf(others)
  return [...without, ...without.map(set => [first, ...set])]
}

/** Fields with personal data, which are recorded as pseudonyms. */
function textFields({ fields }: ToolSubject): string[] {
  return Object.entries(fields)
    .filter(([, { kind }]) => kind === 'text' || kind === 'email')
    .map(([name]) => name)
}
