import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodeOf } from '../../running-server.ts'
import { effectsOf } from '../effects.ts'
import { BAD_HOSTS, BAD_ORIGINS, GOOD_HOSTS, GOOD_ORIGIN } from '../hosts-and-origins.ts'
import { asModern, type Headers, messageOf, type Reply } from '../remote-server.ts'
import { type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

/** The Host and the Origin of a request are each checked. */
export function describeHostAndOrigin(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')
  let remote: Remote
  let token: string

  /** Sends a call that is valid except for the given headers. */
  const send = async ({ server }: Remote, headers: Headers, bearer: string | undefined = token): Promise<Reply> => {
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
  /** The reply is a 403 without CORS headers, and the request is recorded without its Host and Origin. */
  const expectRefused = async (at: Remote, work: () => Promise<Reply>): Promise<Reply> => {
    const { reply, records, arrivals } = await effectsOf(world, at, work)
    expect(reply.status, reply.text).toBe(403)
    expect(errorCodeOf(messageOf(reply))).toBe('FORBIDDEN')

    expect(Object.keys(reply.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    expect(records).toMatchObject([{ event: 'denied', error: { code: 'FORBIDDEN' }, caller: { id: '' } }])
    expect(JSON.stringify([records, reply])).not.toMatch(/evil|nip\.io|secret/)
    expect(arrivals).toEqual([])
    return reply
  }

  describe('a Host and an Origin', () => {
    beforeAll(async () => {
      remote = await world.serve(subject.confirmationOff)
      token = await world.token(scope)
    })
    afterAll(async () => void (await remote.server.kill('SIGTERM')))

    it.each(BAD_HOSTS)(
      `${verifies('P7', 'P15')} are refused if the Host is %s, with any Origin`,
      async (_, headers) => {
        await expectRefused(remote, () => send(remote, headers))
        await expectRefused(remote, () => send(remote, { ...headers, Origin: GOOD_ORIGIN }))
      },
    )

    it.each(BAD_ORIGINS)(
      `${verifies('P7', 'P15')} are refused if the Origin is %s, with any Host`,
      async (_, headers) => {
        for (const Host of ['mcp.example.com', 'localhost:1'])
          await expectRefused(remote, () => send(remote, { ...headers, Host }))
      },
    )

    it(`${verifies('P7', 'P15')} are refused without a Host, in HTTP/1.0 and HTTP/1.1`, async () => {
      const { headers, body } = asModern('tools/list')
      for (const version of ['1.0', '1.1'])
        await expectRefused(remote, () =>
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

    it(`${verifies('P15')} are checked before the token`, async () => {
      for (const bearer of [undefined, 'x.y.z'])
        for (const headers of [{ Host: 'evil.example' }, { Origin: 'https://evil.example' }]) {
          const reply = await expectRefused(remote, () => send(remote, headers, bearer))
          expect(reply.headers['www-authenticate']).toBeUndefined()
        }
    })

    it(`${verifies('P15')} are accepted if they are those of the public URL or of this machine`, async () => {
      for (const Host of GOOD_HOSTS) expect((await send(remote, { Host })).status, Host).toBe(200)
      const { port } = remote.server
      for (const Origin of [
        GOOD_ORIGIN,
        `http://localhost:${port}`,
        `http://127.0.0.1:${port}`,
        `http://[::1]:${port}`,
      ])
        expect((await send(remote, { Origin })).headers['access-control-allow-origin']).toBe(Origin)
    })

    it(`${verifies('P15')} are not taken from forwarding headers`, async () => {
      const claims = {
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-For': '192.0.2.1',
        'X-Real-IP': '192.0.2.1',
        Forwarded: 'for=192.0.2.1;host=evil.example',
      }
      const newRecords = remote.trail.follow()
      expect((await send(remote, claims)).status).toBe(200)
      expect(newRecords()[0]?.caller?.host).toBe('127.0.0.1')
    })

    it(`${verifies('P15')} are checked in a preflight request, too`, async () => {
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
      // A page sends its token explicitly, so the browser must not add cookies.
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
      expect(newRecords()).toEqual([])
      for (const [, bad] of BAD_ORIGINS)
        await expectRefused(remote, () => remote.server.send('OPTIONS', '/mcp', { ...asked, ...bad }))
      await expectRefused(remote, () =>
        remote.server.send('OPTIONS', '/mcp', { Host: 'evil.example', Origin: GOOD_ORIGIN }),
      )
    })

    it(`${verifies('P15')} allow a page of the right origin to read the challenge`, async () => {
      const { status, headers } = await send(remote, { Origin: GOOD_ORIGIN }, 'x.y.z')
      expect(status).toBe(401)
      expect(headers['access-control-allow-origin']).toBe(GOOD_ORIGIN)
      expect(String(headers['access-control-expose-headers'])).toContain('WWW-Authenticate')
      expect((await send(remote, {})).headers).not.toHaveProperty('access-control-allow-origin')
    })

    it(`${verifies('P15')} are only those of the operator’s lists, if there are any`, async () => {
      const listing = await world.serve({
        ...subject.confirmationOff,
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
        expect((await send(listing, { Host })).status, Host).toBe(200)
      for (const Host of [
        'only.example',
        'only.example:443',
        'mcp.example.com',
        'localhost',
        '127.0.0.1',
        '[2001:db8::1]',
      ])
        await expectRefused(listing, () => send(listing, { Host }))
      const Host = 'any-port.example'
      for (const Origin of ['https://app.example', 'http://localhost:3000'])
        expect((await send(listing, { Host, Origin })).status, Origin).toBe(200)
      for (const Origin of [
        GOOD_ORIGIN,
        'http://app.example',
        'https://app.example:8443',
        'http://localhost',
        `http://localhost:${listing.server.port}`,
      ])
        await expectRefused(listing, () => send(listing, { Host, Origin }))
      await listing.server.kill('SIGTERM')
    })

    it(`${verifies('P7', 'P15')} are also checked by a server without OAuth`, async () => {
      const local = await world.serve({ ...subject.confirmationOff, OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' })
      const { port } = local.server
      const Host = `127.0.0.1:${port}`
      const newRecords = local.trail.follow()
      expect((await send(local, { Host }, undefined)).status).toBe(200)
      expect((await send(local, { Host, Origin: `http://localhost:${port}` }, undefined)).status).toBe(200)
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
        await expectRefused(local, () => send(local, { Host: foreign }, undefined))
      for (const Origin of [
        'null',
        'https://evil.example',
        GOOD_ORIGIN,
        'http://localhost',
        `http://localhost:${port + 1}`,
        `https://localhost:${port}`,
      ])
        await expectRefused(local, () => send(local, { Host, Origin }, undefined))
      await local.server.kill('SIGTERM')
    })
  })
}
