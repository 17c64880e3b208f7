import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../../attack.ts'
import { errorCodeOf } from '../../running-server.ts'
import { effectsOf } from '../effects.ts'
import { AMBIGUOUS, MALFORMED_REQUESTS, type Malformed, type ValidCall } from '../malformed-requests.ts'
import { asModern, messageOf, type Reply } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

const MAX_BYTES = 128 * 1024

/** Malformed HTTP requests and messages with a valid token end in a coded error. */
export function describeWire(world: RemoteWorld): void {
  const { subject } = world
  let remote: Remote
  let token: string

  const call = (): ValidCall => {
    const tool = subject.tools.find(({ endpoint }) => endpoint) ?? subject.tools[0]
    if (!tool) throw new Error('a server has tools')
    const { headers, body } = asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
    return { headers: { ...headers, Authorization: `Bearer ${token}` }, body }
  }
  const send = async ({ headers, body }: Malformed): Promise<Reply> => {
    const good = call()
    return await remote.server.send('POST', '/mcp', { ...good.headers, ...headers }, body ?? good.body)
  }
  /** A call as bytes, with more header lines. */
  const bytes = (lines: readonly string[], body: string, target = 'POST /mcp HTTP/1.1'): string => {
    const given = Object.entries({ Host: 'mcp.example.com', ...call().headers }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    return [target, ...given, ...lines, '', body].join('\r\n')
  }

  /** The reply is a coded error, the request has one record, and the backend receives nothing. */
  const expectRefused = async (work: () => Promise<Reply>, status: readonly number[]): Promise<void> => {
    const { reply, arrivals, records } = await effectsOf(world, remote, work)
    expect(status, reply.text).toContain(reply.status)
    if (reply.text) expect(errorCodeOf(messageOf(reply)), reply.text).toBe('INVALID_INPUT')
    expect(records).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' }, caller: { id: 'ada' } }])
    expect(arrivals).toEqual([])
  }

  describe('a request', () => {
    beforeAll(async () => {
      remote = await world.serve(subject.confirmationOff)
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
    ])(`${verifies('P15')} for the target %s gets a 404`, async target => {
      const { body } = call()
      const { reply, arrivals, records } = await effectsOf(world, remote, () =>
        remote.server.raw(
          bytes([`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'], body, `POST ${target} HTTP/1.1`),
        ),
      )
      expect(reply.status).toBe(404)
      expect(JSON.parse(reply.text)).toHaveProperty('error')
      expect({ records, arrivals }).toEqual({ records: [], arrivals: [] })
    })

    it.each(['PUT', 'PATCH', 'HEAD', 'TRACE', 'QUERY', 'PROPFIND', 'MKCOL', 'PURGE'])(
      `${verifies('P7', 'P15')} with the method %s is refused`,
      async method => {
        const { headers } = call()
        const newRecords = remote.trail.follow()
        const reply = await remote.server.send(method, '/mcp', headers)
        expect(reply.status).toBe(405)
        expect(reply.headers.allow).toBe('GET, POST, DELETE, OPTIONS')
        expect(newRecords()).toMatchObject([{ event: 'denied', error: { code: 'INVALID_INPUT' } }])
      },
    )

    it(`${verifies('P15')} for a tunnel or another protocol is refused`, async () => {
      for (const text of [
        'CONNECT /mcp HTTP/1.1\r\nHost: mcp.example.com\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      ]) {
        const { reply, records } = await effectsOf(world, remote, () => remote.server.raw(text))
        expect([0, 400]).toContain(reply.status)
        expect(records).toEqual([])
      }
      const upgrade = bytes(['Connection: Upgrade, close', 'Upgrade: websocket', 'Content-Length: 0'], '')
      await expectRefused(() => remote.server.raw(upgrade), [400])
    })

    it.each(Object.entries(MALFORMED_REQUESTS))(`${verifies('P2', 'P7')} with %s is refused`, async (_, change) => {
      // A JSON-RPC error can have the status 200, and a message without an id has no reply.
      await expectRefused(() => send(change(call())), [200, 202, 400, 404, 415])
    })

    it(`${verifies('P7', 'P16')} of more than 128 KiB is refused, with and without a Content-Length`, async () => {
      const { body } = call()
      const fits = body + ' '.repeat(MAX_BYTES - Buffer.byteLength(body))
      expect((await send({ body: fits })).status).toBe(200)
      const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`
      const inChunks = (text: string): string =>
        bytes(['Transfer-Encoding: chunked', 'Connection: close'], chunked(text))
      expect((await remote.server.raw(inChunks(fits))).status).toBe(200)
      await expectRefused(() => send({ body: `${fits} ` }), [413])
      await expectRefused(() => remote.server.raw(inChunks(`${fits} `)), [413])
      // The same for a DELETE, which needs no body.
      const ending = (text: string): Promise<Reply> =>
        remote.server.send('DELETE', '/mcp', { ...call().headers, 'Mcp-Session-Id': 'x' }, text)
      expect((await ending(fits)).status).toBe(404)
      await expectRefused(() => ending(`${fits} `), [413])
      // The Content-Length is enough: the body does not have to arrive.
      await expectRefused(() => remote.server.raw(bytes(['Content-Length: 99999999999'], '{')), [413])
    })

    it(`${verifies('P7')} that ends before its Content-Length is recorded, and not executed`, async () => {
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

    it(`${verifies('P7')} that is longer than its Content-Length is cut there, and not executed`, async () => {
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

    it(`${verifies('P7', 'P15')} that programs parse in different ways is refused`, async () => {
      const own = await world.serve(subject.confirmationOff)
      // A second request after the ambiguous one, as in request smuggling.
      const second = bytes(['Content-Length: 0', 'Connection: close'], '')
      const arrivals = await world.arrivals(async () => {
        for (const [title, lines, rest] of AMBIGUOUS)
          expect((await own.server.raw(bytes(lines, rest + second), 2_000)).status, title).toBe(400)
        await own.server.kill('SIGTERM')
      })
      // If the body is complete before the fault, the message has a record.
      const records = own.trail.terminals()
      for (const record of records) expect(record).toMatchObject({ event: 'denied', error: { code: 'INVALID_INPUT' } })
      expect(records.length).toBeLessThanOrEqual(AMBIGUOUS.length)
      expect(arrivals).toEqual([])
    })

    it(`${verifies('P16')} with 500 headers is served, and with too many or too long ones refused`, async () => {
      const { body } = call()
      const length = `Content-Length: ${Buffer.byteLength(body)}`
      const many = Array.from({ length: 500 }, (_, n) => `X-${n}: a`)
      expect((await remote.server.raw(bytes([...many, length, 'Connection: close'], body))).status).toBe(200)
      for (const flood of [[`X: ${'a'.repeat(200_000)}`], Array.from({ length: 20_000 }, (_, n) => `X-${n}: a`)]) {
        const { reply, records } = await effectsOf(world, remote, () =>
          remote.server.raw(bytes([...flood, length], body)),
        )
        expect([0, 431]).toContain(reply.status)
        expect(records).toEqual([])
      }
    })

    it(`${verifies('P7')} with an Expect header is served`, async () => {
      const { body } = call()
      const newRecords = remote.trail.follow()
      for (const expected of ['miracles', '100-continue']) {
        const lines = [`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', `Expect: ${expected}`]
        expect((await remote.server.raw(bytes(lines, body))).text, expected).toContain('"structuredContent"')
      }
      expect(newRecords().map(({ event }) => event)).toEqual(['intent', 'outcome', 'intent', 'outcome'])
    })

    it(`${verifies('P15')} needs its own token, even after others on the same connection`, async () => {
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

    it(`${verifies('P11')} is not quoted in the log, if its headers and its body do not match`, async () => {
      const { body } = call()
      const headers = [
        'Mcp-Name',
        'Mcp-Method',
        'MCP-Protocol-Version',
        'Mcp-Session-Id',
        'Content-Type',
        'Accept',
        'Host',
        'Origin',
      ]
      for (const name of headers) await send({ headers: { [name]: world.canary } })
      for (const name of ['Mcp-Name', 'Mcp-Method', 'MCP-Protocol-Version'])
        await send({
          headers: { [name]: undefined },
          body: body.replaceAll(/"(?:tools\/call|2026-07-28)"/g, `"${world.canary}"`),
        })
      await send({ headers: { 'Mcp-Name': undefined }, body: body.replace(/"name":"\w+"/, `"name":"${world.canary}"`) })

      expect(remote.server.stderr).not.toContain(world.canary)
    })

    it(`${verifies('P7', 'P15')} without a token is refused before its body is parsed`, async () => {
      const newRecords = remote.trail.follow()
      for (const body of ['{', '[]', `[${call().body}]`, 'x'.repeat(100_000)])
        expect((await send({ body, headers: { Authorization: undefined } })).status).toBe(401)
      const records = newRecords()
      expect(records).toHaveLength(4)
      for (const record of records) expect(record).toMatchObject({ event: 'denied', error: { code: 'FORBIDDEN' } })
    })
  })
}
