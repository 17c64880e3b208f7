import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { challengeOf, expectSignIn, METADATA_URL } from '../challenge.ts'
import type { Reply } from '../remote-server.ts'
import { PUBLIC_URL, type Remote, type RemoteWorld, scopesOf } from '../remote-world.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** How a client that knows only the URL of the server finds the identity provider (RFC 9728). */
export function describeDiscovery(world: RemoteWorld): void {
  const { subject } = world
  const scope = scopesOf(subject).join(' ')

  const document = (reply: Reply): unknown => {
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toBe('application/json')
    return JSON.parse(reply.text)
  }
  const expected = (resource: string) => ({
    resource,
    authorization_servers: [world.issuer.url],
    scopes_supported: expect.toSatisfy(
      (scopes: string[]) => [...scopes].sort().join() === scopesOf(subject).sort().join(),
    ),
    bearer_methods_supported: ['header'],
    resource_name: subject.name,
  })

  describe('discovery', () => {
    let remote: Remote
    beforeAll(async () => {
      remote = await world.serve()
    })
    afterAll(async () => void (await remote.server.kill('SIGTERM')))

    it(`${verifies('P15')} leads from a 401 to the metadata, to the issuer, and to a token that is accepted`, async () => {
      const { resource_metadata: where = '', scope: first = '' } = challengeOf(
        await remote.server.modern(undefined, 'tools/list'),
      )
      expect(where).toBe(METADATA_URL)
      const found = document(await remote.server.send('GET', new URL(where).pathname, { Host: new URL(where).host }))
      expect(found).toEqual(expected(PUBLIC_URL))
      const {
        authorization_servers: [issuer],
        scopes_supported: supported,
      } = found as {
        authorization_servers: string[]
        scopes_supported: string[]
      }
      // A client asks for the scopes of the challenge.
      expect(supported).toEqual(expect.arrayContaining(first.split(' ')))
      const metadata = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
      expect(await metadata.json()).toMatchObject({ issuer })
      expect((await remote.server.modern(await world.token(first), 'tools/list')).status).toBe(200)
    })

    it(`${verifies('P15')} asks a modern client for the scopes of reading, and a legacy client for all scopes`, async () => {
      const modern = await remote.server.modern(undefined, 'tools/list')
      expectSignIn(modern, subject, { hasToken: false, isModern: true })
      const legacy = await remote.server.legacy(undefined, undefined, { id: 1, method: 'initialize', params: {} })
      expectSignIn(legacy, subject, { hasToken: false, isModern: false })
    })

    it(`${verifies('P15')} gives everyone the same metadata, with and without the path`, async () => {
      const newRecords = remote.trail.follow()
      for (const path of [WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}?a=b`])
        for (const headers of [{}, { Authorization: 'Bearer x.y.z' }, { Origin: 'https://evil.example' }]) {
          const reply = await remote.server.send('GET', path, headers)
          expect(document(reply)).toEqual(expected(PUBLIC_URL))
          expect(reply.headers['access-control-allow-origin']).toBe('*')
        }
      expect(newRecords()).toEqual([])
    })

    it(`${verifies('P15')} has no other paths`, async () => {
      const elsewhere = [
        `${WELL_KNOWN}/`,
        `${WELL_KNOWN}/mcp/`,
        `${WELL_KNOWN}/other`,
        `${WELL_KNOWN}x`,
        '/mcp/.well-known/oauth-protected-resource',
        '/.well-known/',
        '/.well-known/oauth-authorization-server',
        '/.well-known/openid-configuration',
        '/jwks',
        '/metrics',
        '/debug',
        '/favicon.ico',
      ]
      for (const path of elsewhere) expect((await remote.server.send('GET', path)).status, path).toBe(404)
      for (const method of ['POST', 'PUT', 'DELETE', 'TRACE'])
        expect((await remote.server.send(method, WELL_KNOWN)).status, method).toBe(404)
    })

    it.each([
      ['https://mcp.example.com/tickets/mcp', '/tickets/mcp'],
      ['https://mcp.example.com', ''],
      ['https://mcp.example.com/', ''],
      ['https://mcp.example.com:8443/mcp', '/mcp'],
    ])(`${verifies('P15')} follows the public URL %s`, async (url, suffix) => {
      const { server } = await world.serve({ MCP_PUBLIC_URL: url })
      const { resource_metadata: where = '' } = challengeOf(
        await server.send('GET', '/mcp', { Host: new URL(url).host }),
      )
      // RFC 9728, 3.1: between the host and the path.
      expect(where).toBe(`${new URL(url).origin}${WELL_KNOWN}${suffix}`)
      for (const path of [WELL_KNOWN, `${WELL_KNOWN}/mcp`, `${WELL_KNOWN}${suffix}`])
        expect(document(await server.send('GET', path))).toEqual(expected(url))
      const statusFor = async (aud: unknown): Promise<number> =>
        (await server.modern(await world.token(scope, { claims: { aud } }), 'tools/list')).status
      expect(await statusFor(url)).toBe(200)
      // With and without a slash it is the same URL if it has no path, and another one if it has.
      expect(await statusFor(url.endsWith('/') ? url.slice(0, -1) : `${url}/`)).toBe(suffix ? 401 : 200)
      for (const other of [`${url}x`, `${url}/x`, 'https://mcp.example.com.evil.example', 'https://mcp.example'])
        expect(await statusFor(other), other).toBe(401)
      await server.kill('SIGTERM')
    })

    it(`${verifies('P15')} does not change if the operator sets another audience`, async () => {
      const { server } = await world.serve({ OAUTH_AUDIENCE: 'urn:example:deputies' })
      const statusFor = async (aud: unknown): Promise<number> =>
        (await server.modern(await world.token(scope, { claims: { aud } }), 'tools/list')).status
      expect(document(await server.send('GET', WELL_KNOWN))).toEqual(expected(PUBLIC_URL))
      expect(await statusFor('urn:example:deputies')).toBe(200)
      for (const other of [
        PUBLIC_URL,
        'urn:example',
        'urn:example:deputies/',
        'urn:example:deputies:more',
        'URN:example:deputies',
      ])
        expect(await statusFor(other), other).toBe(401)
      await server.kill('SIGTERM')
    })

    it(`${verifies('P15')} has no metadata without OAuth`, async () => {
      const { server } = await world.serve({ OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' })
      expect((await server.send('GET', WELL_KNOWN)).status).toBe(404)
      await server.kill('SIGTERM')
    })
  })
}
