import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodeOf } from '../../running-server.ts'
import { BAD_HOSTS, BAD_ORIGINS, GOOD_HOSTS, GOOD_ORIGIN } from '../addresses.ts'
import { asModern, type Headers, messageOf, type Reply } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** Which names the server goes by, and which pages may call it: each is looked at by itself. */
export function describeDoors(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  let remote: Remote
  let token: string

  /** A call that would be carried out, but for its headers. */
  const knock = async ({ server }: Remote, headers: Headers, bearer: string | undefined = token): Promise<Reply> => {
    const tool = subject.tools.find(({ endpoint }) => endpoint) ?? subject.tools[0]
    if (!tool) throw new Error('a server has tools')
    const call = asModern('tools/call', { name: tool.name, arguments: world.valid(tool) })
    const authorization = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }
    return await server.send(
      'POST',
      '/mcp',
      { Host: 'mcp.example.com', ...call.headers, ...authorization, ...headers },
      call.body,
    )
  }
  /** That nothing comes of a request but a clear word and a record. */
  const expectTurnedAway = async (at: Remote, work: () => Promise<Reply>): Promise<Reply> => {
    const newRecords = at.trail.follow()
    let reply: Reply | undefined
    const arrivals = await world.arrivals(async () => {
      reply = await work()
    })
    if (!reply) throw new Error('there is no reply')
    expect(reply.status, reply.text).toBe(403)
    expect(errorCodeOf(messageOf(reply))).toBe('FORBIDDEN')
    // No page is let in on even this.
    expect(Object.keys(reply.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    const records = newRecords()
    expect(records).toMatchObject([{ event: 'denied', error: { code: 'FORBIDDEN' }, caller: { id: '' } }])
    expect(JSON.stringify([records, reply])).not.toMatch(/evil|nip\.io|secret/)
    expect(arrivals).toEqual([])
    return reply
  }

  describe('a Host and an Origin', () => {
    beforeAll(async () => {
      remote = await world.serve(subject.unasked)
      token = await world.token(scope)
    })
    afterAll(async () => void (await remote.server.kill('SIGTERM')))

    it.each(BAD_HOSTS)(`${verifies('P7', 'P15')} are refused for a Host of %s, with any Origin`, async (_, headers) => {
      await expectTurnedAway(remote, () => knock(remote, headers))
      await expectTurnedAway(remote, () => knock(remote, { ...headers, Origin: GOOD_ORIGIN }))
    })

    it.each(BAD_ORIGINS)(
      `${verifies('P7', 'P15')} are refused for an Origin of %s, with any Host`,
      async (_, headers) => {
        for (const Host of ['mcp.example.com', 'localhost:1'])
          await expectTurnedAway(remote, () => knock(remote, { ...headers, Host }))
      },
    )

    it(`${verifies('P7', 'P15')} are refused without a Host, in any version of HTTP`, async () => {
      const { headers, body } = asModern('tools/list')
      for (const version of ['1.0', '1.1'])
        await expectTurnedAway(remote, () =>
          remote.server.raw(
            [
              `POST /mcp HTTP/${version}`,
              ...Object.entries({ ...headers, Authorization: `Bearer ${token}` }).map(
                ([name, value]) => `${name}: ${value}`,
              ),
              `Content-Length: ${Buffer.byteLength(body)}`,
              'Connection: close',
              '',
              body,
            ].join('\r\n'),
          ),
        )
    })

    it(`${verifies('P15')} are looked at before the token: a bad one says nothing of either`, async () => {
      for (const bearer of [undefined, 'x.y.z'])
        for (const headers of [{ Host: 'evil.example' }, { Origin: 'https://evil.example' }]) {
          const reply = await expectTurnedAway(remote, () => knock(remote, headers, bearer))
          expect(reply.headers['www-authenticate']).toBeUndefined()
        }
    })

    it(`${verifies('P15')} pass that are the server’s own`, async () => {
      for (const Host of GOOD_HOSTS) expect((await knock(remote, { Host })).status, Host).toBe(200)
      const { port } = remote.server
      for (const Origin of [
        GOOD_ORIGIN,
        `http://localhost:${port}`,
        `http://127.0.0.1:${port}`,
        `http://[::1]:${port}`,
      ])
        expect((await knock(remote, { Origin })).headers['access-control-allow-origin']).toBe(Origin)
    })

    it(`${verifies('P15')} are what they are, whatever a header says of an address before`, async () => {
      const claims = {
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-For': '192.0.2.1',
        'X-Real-IP': '192.0.2.1',
        Forwarded: 'for=192.0.2.1;host=evil.example',
      }
      const newRecords = remote.trail.follow()
      expect((await knock(remote, claims)).status).toBe(200)
      expect(newRecords()[0]?.caller?.host).toBe('127.0.0.1')
    })

    it(`${verifies('P15')} decide what a page may send: a preflight is answered for the right page alone`, async () => {
      const newRecords = remote.trail.follow()
      const asked = { Host: 'mcp.example.com', 'Access-Control-Request-Method': 'POST' }
      const { status, headers, text } = await remote.server.send('OPTIONS', '/mcp', { ...asked, Origin: GOOD_ORIGIN })
      expect({ status, text }).toEqual({ status: 204, text: '' })
      expect(headers).toMatchObject({ 'access-control-allow-origin': GOOD_ORIGIN, vary: 'Origin' })
      const listed = (name: string): string[] => String(headers[name]).toLowerCase().split(', ')
      expect(listed('access-control-allow-methods').sort()).toEqual(['delete', 'get', 'post'])
      const needed = [
        'authorization',
        'content-type',
        'mcp-protocol-version',
        'mcp-session-id',
        'mcp-method',
        'mcp-name',
      ]
      expect(listed('access-control-allow-headers')).toEqual(expect.arrayContaining(needed))
      // Tokens are sent on purpose; what a browser would add by itself has no place here.
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
      expect(newRecords()).toEqual([])
      for (const [, bad] of BAD_ORIGINS)
        await expectTurnedAway(remote, () => remote.server.send('OPTIONS', '/mcp', { ...asked, ...bad }))
      await expectTurnedAway(remote, () =>
        remote.server.send('OPTIONS', '/mcp', { Host: 'evil.example', Origin: GOOD_ORIGIN }),
      )
    })

    it(`${verifies('P15')} let a page read what it has to know: its session, and how to sign in`, async () => {
      const { status, headers } = await knock(remote, { Origin: GOOD_ORIGIN }, 'x.y.z')
      expect(status).toBe(401)
      expect(headers['access-control-allow-origin']).toBe(GOOD_ORIGIN)
      expect(String(headers['access-control-expose-headers'])).toContain('WWW-Authenticate')
      expect((await knock(remote, {})).headers).not.toHaveProperty('access-control-allow-origin')
    })

    it(`${verifies('P15')} are those that the operator lists, and then no others`, async () => {
      const listing = await world.serve({
        ...subject.unasked,
        MCP_ALLOWED_HOSTS: 'only.example:8443, Any-Port.example,[2001:db8::1]:80',
        MCP_ALLOWED_ORIGINS: 'https://app.example,http://localhost:3000',
      })
      for (const Host of [
        'only.example:8443',
        'ONLY.example:8443',
        'any-port.example',
        'any-port.example:1',
        '[2001:db8::1]:80',
      ])
        expect((await knock(listing, { Host })).status, Host).toBe(200)
      for (const Host of [
        'only.example',
        'only.example:443',
        'mcp.example.com',
        'localhost',
        '127.0.0.1',
        '[2001:db8::1]',
      ])
        await expectTurnedAway(listing, () => knock(listing, { Host }))
      const Host = 'any-port.example'
      for (const Origin of ['https://app.example', 'http://localhost:3000'])
        expect((await knock(listing, { Host, Origin })).status, Origin).toBe(200)
      for (const Origin of [
        GOOD_ORIGIN,
        'http://app.example',
        'https://app.example:8443',
        'http://localhost',
        `http://localhost:${listing.server.port}`,
      ])
        await expectTurnedAway(listing, () => knock(listing, { Host, Origin }))
      await listing.server.kill('SIGTERM')
    })

    it(`${verifies('P7', 'P15')} are all that keeps pages out of a server that asks for no token, on this machine alone`, async () => {
      const local = await world.serve({ ...subject.unasked, OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' })
      const { port } = local.server
      const Host = `127.0.0.1:${port}`
      const newRecords = local.trail.follow()
      expect((await knock(local, { Host }, undefined)).status).toBe(200)
      expect((await knock(local, { Host, Origin: `http://localhost:${port}` }, undefined)).status).toBe(200)
      for (const { caller } of newRecords())
        expect(caller).toMatchObject({ kind: 'os', id: 'unverified', host: '127.0.0.1' })
      for (const foreign of [
        'evil.example',
        `evil.example:${port}`,
        'mcp.example.com',
        '127.0.0.1.nip.io',
        '0.0.0.0',
        'localhost:65536',
      ])
        await expectTurnedAway(local, () => knock(local, { Host: foreign }, undefined))
      for (const Origin of [
        'null',
        'https://evil.example',
        GOOD_ORIGIN,
        'http://localhost',
        `http://localhost:${port + 1}`,
        `https://localhost:${port}`,
      ])
        await expectTurnedAway(local, () => knock(local, { Host, Origin }, undefined))
      await local.server.kill('SIGTERM')
    })
  })
}
