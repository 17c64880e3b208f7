import { gzipSync } from 'node:zlib'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { errorCodeOf, type Message } from '../../running-server.ts'
import { asModern, type Headers, messageOf, type Reply } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

const MAX_BYTES = 1024 * 1024

/** A request that is no call, though it may look like one. */
interface Odd {
  readonly headers?: Headers
  readonly body?: string | Buffer
}

/** What comes of requests that are not what they should be, from somebody who may come in: a clear error, no more. */
export function describeWire(world: RemoteWorld): void {
  const { subject } = world
  let remote: Remote
  let token: string

  const call = (more: Message = {}): { headers: Readonly<Record<string, string>>; body: string } => {
    const tool = subject.tools.find(({ endpoint }) => endpoint) ?? subject.tools[0]
    if (!tool) throw new Error('a server has tools')
    const good = asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
    const body = more === undefined ? good.body : JSON.stringify({ ...JSON.parse(good.body), ...more })
    return { headers: { ...good.headers, Authorization: `Bearer ${token}` }, body }
  }
  /** A call whose params, as text, are changed. */
  const withParams = (change: (params: Message) => unknown): Odd => {
    const { body } = call()
    const message = JSON.parse(body) as { params: Message }
    return { body: JSON.stringify({ ...message, params: change(message.params) }) }
  }
  const withArguments = (text: string): Odd => ({
    body: (withParams(params => ({ ...params, arguments: '@' })).body as string).replace('"@"', text),
  })
  const send = async ({ headers, body }: Odd): Promise<Reply> => {
    const good = call()
    return await remote.server.send('POST', '/mcp', { ...good.headers, ...headers }, body ?? good.body)
  }
  /** The same in bytes, to be changed at will. */
  const bytes = (lines: readonly string[], body: string, target = 'POST /mcp HTTP/1.1'): string => {
    const given = Object.entries({ Host: 'mcp.example.com', ...call().headers }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    return [target, ...given, ...lines, '', body].join('\r\n')
  }
  /** What a request leads to. */
  const watch = async (work: () => Promise<Reply>) => {
    const newRecords = remote.trail.follow()
    let reply: Reply | undefined
    const arrivals = await world.arrivals(async () => {
      reply = await work()
    })
    if (!reply) throw new Error('there is no reply')
    return { reply, arrivals, records: newRecords() }
  }
  /** That it ends in a coded error, on record once, and at no backend. */
  const expectRefused = async (work: () => Promise<Reply>, status: readonly number[]): Promise<void> => {
    const { reply, arrivals, records } = await watch(work)
    expect(status, reply.text).toContain(reply.status)
    if (reply.text) expect(errorCodeOf(messageOf(reply)), reply.text).toBe('INVALID_INPUT')
    expect(records).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' }, caller: { id: 'ada' } }])
    expect(arrivals).toEqual([])
  }

  describe('a request', () => {
    beforeAll(async () => {
      remote = await world.serve(subject.unasked)
      token = await world.token(scopesOf(subject).join(' '))
    })
    afterAll(async () => {
      expect((await send({})).status).toBe(200)
      expect(await remote.server.kill('SIGTERM')).toBe(0)
    })

    it.each([
      '/',
      '/mcp/',
      '//mcp',
      '/mcp%2f',
      '/%6dcp',
      '/MCP',
      '/Mcp',
      '/mcp;a=b',
      '/mcp.json',
      '/mcp%00',
      '/mcp/../mcp',
      '/./mcp',
      '/a/../mcp',
      '/..%2fmcp',
      '/mcp#',
      '*',
      'http://mcp.example.com/mcp',
      'http://evil.example/mcp',
      'https://mcp.example.com/mcp',
    ])(`${verifies('P15')} for %s finds nothing`, async target => {
      const { body } = call()
      const { reply, arrivals, records } = await watch(() =>
        remote.server.raw(
          bytes([`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'], body, `POST ${target} HTTP/1.1`),
        ),
      )
      expect(reply.status).toBe(404)
      expect(JSON.parse(reply.text)).toHaveProperty('error')
      expect({ records, arrivals }).toEqual({ records: [], arrivals: [] })
    })

    it.each(['PUT', 'PATCH', 'HEAD', 'TRACE', 'QUERY', 'PROPFIND', 'MKCOL', 'PURGE'])(
      `${verifies('P7', 'P15')} by %s is refused`,
      async method => {
        const { headers } = call()
        const newRecords = remote.trail.follow()
        const reply = await remote.server.send(method, '/mcp', headers)
        expect(reply.status).toBe(405)
        expect(reply.headers.allow).toBe('GET, POST, DELETE, OPTIONS')
        expect(newRecords()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
      },
    )

    it(`${verifies('P15')} for a tunnel or another protocol gets none`, async () => {
      for (const text of [
        'CONNECT /mcp HTTP/1.1\r\nHost: mcp.example.com\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      ]) {
        const { reply, records } = await watch(() => remote.server.raw(text))
        expect([0, 400]).toContain(reply.status)
        expect(records).toEqual([])
      }
      const upgrade = bytes(['Connection: Upgrade, close', 'Upgrade: websocket', 'Content-Length: 0'], '')
      await expectRefused(() => remote.server.raw(upgrade), [400])
    })

    const hostile: Readonly<Record<string, () => Odd>> = {
      'no body': () => ({ body: '' }),
      'blanks alone': () => ({ body: ' \r\n\t ' }),
      'what is not JSON': () => ({ body: '{' }),
      'a form': () => ({ body: 'method=tools/call' }),
      'JSON with a comma too many': () => ({ body: call().body.replace(/\}$/, ',}') }),
      'two messages': () => ({ body: `${call().body}\n${call().body}` }),
      'a byte order mark': () => ({ body: `\ufeff${call().body}` }),
      'UTF-16': () => ({ body: Buffer.from(`\ufeff${call().body}`, 'utf16le') }),
      'what is not UTF-8': () => ({ body: Buffer.concat([Buffer.from(call().body), Buffer.of(0xff)]) }),
      'a letter in Latin-1': () => ({ body: Buffer.from(call({ extra: 'é' }).body, 'latin1') }),
      'half of a letter': () => ({ body: Buffer.concat([Buffer.from(call().body), Buffer.of(0xc3)]) }),
      'gzip, and says so': () => ({ headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(call().body) }),
      'gzip of a gigabyte’s name': () => ({
        headers: { 'Content-Encoding': 'gzip' },
        body: gzipSync(Buffer.alloc(50_000_000)),
      }),
      'a number': () => ({ body: '1' }),
      'a text': () => ({ body: JSON.stringify(call().body) }),
      null: () => ({ body: 'null' }),
      'an empty batch': () => ({ body: '[]' }),
      'a batch of one call': () => ({ body: `[${call().body}]` }),
      'a batch of two calls': () => ({ body: `[${call().body},${call().body}]` }),
      'a hundred thousand lists, one in another': () => ({ body: '['.repeat(100_000) + ']'.repeat(100_000) }),
      'an argument of five hundred levels': () => withArguments(`{"a":${'['.repeat(500)}${']'.repeat(500)}}`),
      'an argument of a hundred thousand levels': () =>
        withArguments(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      'arguments of a hundred thousand levels of objects': () =>
        withArguments(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
      'an argument named __proto__': () => withArguments('{"__proto__":{"admin":true}}'),
      'params behind __proto__': () =>
        withParams(({ _meta, ...params }) =>
          JSON.parse(`{"__proto__":${JSON.stringify(params)},"_meta":${JSON.stringify(_meta)}}`),
        ),
      'params that are null': () => withParams(() => null),
      'params that are a list': () => withParams(params => [params]),
      'params that are a text': () => withParams(params => JSON.stringify(params)),
      'no params': () => withParams(() => undefined),
      'an envelope that is null': () => withParams(params => ({ ...params, _meta: null })),
      'an envelope that is a text': () => withParams(params => ({ ...params, _meta: 'x' })),
      'an envelope that is a list': () => withParams(params => ({ ...params, _meta: [params._meta] })),
      'the name of no tool': () => withParams(params => ({ ...params, name: 'deleteEverything' })),
      'a name that is a list': () => withParams(params => ({ ...params, name: [params.name] })),
      'a name behind blanks': () => withParams(params => ({ ...params, name: ` ${params.name}` })),
      'a name of a megabyte': () => withParams(params => ({ ...params, name: 'a'.repeat(900_000) })),
      'arguments that are a list': () => withArguments('[]'),
      'arguments that are a text': () => withArguments('"{}"'),
      'an argument that nobody knows': () => withArguments('{"constructor":{"prototype":{}}}'),
      'another version of JSON-RPC': () => ({ body: call({ jsonrpc: '1.0' }).body }),
      'an id that is an object': () => ({ body: call({ id: {} }).body }),
      'an id that is null': () => ({ body: call({ id: null }).body }),
      'an id that is no whole number': () => ({ body: call({ id: 1.5 }).body }),
      'no id': () => ({ body: call({ id: undefined }).body }),
      'another content type': () => ({ headers: { 'Content-Type': 'text/plain' } }),
      'a content type that begins like the right one': () => ({ headers: { 'Content-Type': 'application/jsonx' } }),
      'the content type of a form': () => ({
        headers: { 'Content-Type': 'multipart/form-data; boundary=application/json' },
      }),
      'no content type': () => ({ headers: { 'Content-Type': undefined } }),
      'the name of another tool in Mcp-Name': () => ({ headers: { 'Mcp-Name': 'listDrafts' } }),
      'Mcp-Name twice, the same': () => ({
        headers: { 'Mcp-Name': [String(call().headers['Mcp-Name']), String(call().headers['Mcp-Name'])] },
      }),
      'Mcp-Name twice, not the same': () => ({
        headers: { 'Mcp-Name': [String(call().headers['Mcp-Name']), 'other'] },
      }),
      'no Mcp-Name': () => ({ headers: { 'Mcp-Name': undefined } }),
      'another Mcp-Method': () => ({ headers: { 'Mcp-Method': 'tools/list' } }),
      'Mcp-Method twice': () => ({ headers: { 'Mcp-Method': ['tools/call', 'tools/call'] } }),
      'no Mcp-Method': () => ({ headers: { 'Mcp-Method': undefined } }),
      'another protocol version beside it': () => ({ headers: { 'MCP-Protocol-Version': '2025-06-18' } }),
      'a protocol version that nobody knows': () => ({ headers: { 'MCP-Protocol-Version': '2999-01-01' } }),
      'no protocol version beside it': () => ({ headers: { 'MCP-Protocol-Version': undefined } }),
      'the name of a session that there is not': () => ({
        ...withParams(({ name, arguments: args }) => ({ name, arguments: args })),
        headers: { 'Mcp-Session-Id': '00000000-0000-4000-8000-000000000000', 'MCP-Protocol-Version': '2025-06-18' },
      }),
      'no session, where it has to have one': () => ({
        ...withParams(({ name, arguments: args }) => ({ name, arguments: args })),
        headers: { 'MCP-Protocol-Version': '2025-06-18' },
      }),
    }
    it.each(Object.entries(hostile))(`${verifies('P2', 'P7')} with %s is refused`, async (_, odd) => {
      // A protocol error may come with 200 in JSON-RPC, and a message without an id gets no answer.
      await expectRefused(() => send(odd()), [200, 202, 400, 404, 415])
    })

    it(`${verifies('P7', 'P16')} of more than a mebibyte is refused, however its length is told`, async () => {
      const { body } = call()
      const fits = body + ' '.repeat(MAX_BYTES - Buffer.byteLength(body))
      expect((await send({ body: fits })).status).toBe(200)
      const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`
      const inChunks = (text: string): string =>
        bytes(['Transfer-Encoding: chunked', 'Connection: close'], chunked(text))
      expect((await remote.server.raw(inChunks(fits))).status).toBe(200)
      await expectRefused(() => send({ body: `${fits} ` }), [413])
      await expectRefused(() => remote.server.raw(inChunks(`${fits} `)), [413])
      // The length alone is enough: nothing of it has to come.
      await expectRefused(() => remote.server.raw(bytes(['Content-Length: 99999999999'], '{')), [413])
    })

    it(`${verifies('P7')} that ends before its length is on record, and nothing more`, async () => {
      const newRecords = remote.trail.follow()
      const records: AuditRecord[] = []
      const { body } = call()
      const arrivals = await world.arrivals(async () => {
        await remote.server.raw(bytes([`Content-Length: ${Buffer.byteLength(body) + 10}`], body), 100)
        await waitFor(() => records.push(...newRecords()) > 0)
      })
      expect(records).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
      expect(arrivals).toEqual([])
    })

    it(`${verifies('P7')} that goes on behind its length is cut there`, async () => {
      const newRecords = remote.trail.follow()
      const records: AuditRecord[] = []
      const { body } = call()
      const arrivals = await world.arrivals(async () => {
        const { status } = await remote.server.raw(bytes(['Content-Length: 10', 'Connection: close'], body))
        expect(status).toBe(400)
        await waitFor(() => records.push(...newRecords()) > 0)
      })
      expect(records).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
      expect(arrivals).toEqual([])
    })

    it.each([
      ['two lengths', ['Content-Length: 2', 'Content-Length: 200'], '{}'],
      ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
      ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
      ['a length below nothing', ['Content-Length: -1'], '{}'],
      ['a length with a sign', ['Content-Length: +2'], '{}'],
      ['a length in another notation', ['Content-Length: 0x2'], '{}'],
      ['an encoding that nobody knows', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
      ['chunks within chunks', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
      ['a chunk of no length', ['Transfer-Encoding: chunked'], 'x\r\n{}\r\n0\r\n\r\n'],
      ['a chunk longer than it says', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'],
      ['a space before a colon', ['Content-Length : 2'], '{}'],
      ['a header that goes on in a second line', ['X-A: b', ' Content-Length: 2'], '{}'],
      ['a line break without its other half', ['X-A: b\nContent-Length: 2'], '{}'],
      ['a null character in a header', ['X-A: b\0'], '{}'],
    ])(`${verifies('P15')} with %s is not read at all`, async (_, lines, rest) => {
      // Whoever reads it otherwise, on the way, must not get a second request past us.
      const second = bytes(['Content-Length: 0', 'Connection: close'], '')
      const { reply, arrivals, records } = await watch(() => remote.server.raw(bytes(lines, rest + second), 2_000))
      expect(reply.status).toBe(400)
      // What came whole before the fault may have been a message: it is refused as one.
      for (const record of records) expect(record).toMatchObject({ event: 'denied', error: { code: 'INVALID_INPUT' } })
      expect(records.length).toBeLessThanOrEqual(1)
      expect(arrivals).toEqual([])
    })

    it(`${verifies('P16')} with a flood of headers is refused, or served`, async () => {
      const { body } = call()
      const length = `Content-Length: ${Buffer.byteLength(body)}`
      const many = Array.from({ length: 500 }, (_, n) => `X-${n}: a`)
      expect((await remote.server.raw(bytes([...many, length, 'Connection: close'], body))).status).toBe(200)
      for (const flood of [[`X: ${'a'.repeat(200_000)}`], Array.from({ length: 20_000 }, (_, n) => `X-${n}: a`)]) {
        const { reply, records } = await watch(() => remote.server.raw(bytes([...flood, length], body)))
        expect([0, 431]).toContain(reply.status)
        expect(records).toEqual([])
      }
    })

    it(`${verifies('P7')} that expects something is served as any other`, async () => {
      const { body } = call()
      const newRecords = remote.trail.follow()
      for (const expected of ['miracles', '100-continue']) {
        const lines = [`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', `Expect: ${expected}`]
        expect((await remote.server.raw(bytes(lines, body))).text, expected).toContain('"structuredContent"')
      }
      expect(newRecords().map(({ event }) => event)).toEqual(['intent', 'outcome', 'intent', 'outcome'])
    })

    it(`${verifies('P15')} has no share in the token of another one on the same connection`, async () => {
      const { body } = asModern('tools/list')
      const listing = asModern('tools/list').headers
      const request = (bearer: string | undefined, last = false): string =>
        [
          'POST /mcp HTTP/1.1',
          'Host: mcp.example.com',
          ...Object.entries(listing).map(([name, value]) => `${name}: ${value}`),
          ...(bearer ? [`Authorization: Bearer ${bearer}`] : []),
          `Content-Length: ${Buffer.byteLength(body)}`,
          ...(last ? ['Connection: close'] : []),
          '',
          body,
        ].join('\r\n')
      const { status, text } = await remote.server.raw(request(token) + request(token) + request(undefined, true))
      expect([status, ...[...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code))]).toEqual([
        200, 200, 401,
      ])
    })

    it(`${verifies('P7', 'P15')} is not read before it is known from whom it is`, async () => {
      const newRecords = remote.trail.follow()
      for (const body of ['{', '[]', `[${call().body}]`, 'x'.repeat(100_000)])
        expect((await send({ body, headers: { Authorization: undefined } })).status).toBe(401)
      const records = newRecords()
      expect(records).toHaveLength(4)
      for (const record of records) expect(record).toMatchObject({ event: 'denied', error: { code: 'FORBIDDEN' } })
    })
  })
}
