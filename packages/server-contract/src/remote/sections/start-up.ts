import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { deadUrl } from '../../hostile-backend.ts'
import { writeTools } from '../../subject.ts'
import { RemoteServer } from '../remote-server.ts'
import { PUBLIC_URL, type RemoteWorld } from '../remote-world.ts'

const SECRET = 'hunter2-s3cr3t'

const ANYWHERE = ['--port', '0', '--host']

/** The settings that a server requires before it listens, and its error messages. */
export function describeStartUp(world: RemoteWorld): void {
  const { subject } = world
  const withoutOAuth = { OAUTH_ISSUER: '', MCP_PUBLIC_URL: '' }

  const run = async (env: Record<string, string>, args: readonly string[] = ['--port', '0']) => {
    const server = new RemoteServer(subject.entry, world.remoteEnv(env), args)
    world.remotes.push(server)
    // A server that starts although it should not is stopped, so that the test fails.
    const started = server.listening().then(
      () => server.kill('SIGTERM'),
      () => {},
    )
    const code = await server.exited
    await started
    return { code, stdout: server.stdout, stderr: server.stderr }
  }
  const expectRefusal = async (env: Record<string, string>, named: readonly string[], args?: readonly string[]) => {
    const { code, stdout, stderr } = await run(env, args)
    const title = JSON.stringify({ env, args })
    expect(stdout, title).toBe('')
    expect(code, title).toBe(2)
    for (const name of named) expect(stderr, title).toContain(name)
    for (const secret of [SECRET, world.access.key, world.auditKey]) expect(stderr, title).not.toContain(secret)
    expect(stderr, title).not.toMatch(/\n\s+at |node:internal/)
  }

  const badUrls = [
    'idp.example.com',
    'ftp://127.0.0.1/',
    'http://idp.example.com',
    'http://127.0.0.1.example.com/',
    `https://user:${SECRET}@idp.example.com`,
    `https://idp.example.com/?key=${SECRET}`,
    `https://idp.example.com/#${SECRET}`,
  ]
  const malformed: Readonly<Record<string, readonly string[]>> = {
    OAUTH_ISSUER: badUrls,
    // Clients would normalize these URLs, and ask for tokens for another audience.
    MCP_PUBLIC_URL: [
      ...badUrls,
      'https://MCP.example.com/mcp',
      'https://mcp.example.com:443/mcp',
      'https://mcp.example.com/a/../mcp',
      'https://mcp.example.com/m cp',
    ],
    OAUTH_AUDIENCE: ['a'.repeat(2049)],
    MCP_ALLOWED_HOSTS: ['https://a', 'a b', 'a/b', 'a,,b', '*', 'a:b', 'user@a'],
    MCP_ALLOWED_ORIGINS: [
      'app.example.com',
      'null',
      '*',
      'https://app.example.com/',
      'https://*.example.com',
      'https://',
    ],
    // A server without writes has no confirmations, and so no such settings.
    ...(writeTools(subject).length > 0 && {
      MCP_STATE_KEY: ['ab'.repeat(31), SECRET],
      MCP_STORE_URL: ['https://store.example.com', `redis://:${SECRET}@store.example.com`, 'store'],
    }),
  }

  describe('a server for remote callers', () => {
    it(`${verifies('P15')} without OAuth does not start at an address that other machines can reach`, async () => {
      const hosts = [
        '0.0.0.0',
        '::',
        '10.0.0.1',
        '::ffff:127.0.0.1',
        '127.0.0.1.example.com',
        'localhost.example.com',
        '0',
      ]
      const named = ['OAUTH_ISSUER', 'MCP_PUBLIC_URL']
      await Promise.all(hosts.map(host => expectRefusal(withoutOAuth, [...named, host], [...ANYWHERE, host])))
    })

    it(`${verifies('P15')} reports all missing settings in one message`, async () => {
      const nothing = { ...withoutOAuth, AUDIT_FILE: '', AUDIT_KEY: '', [`${subject.prefix}_API_KEY`]: '' }
      const lacking = ['OAUTH_ISSUER', 'MCP_PUBLIC_URL', 'AUDIT_FILE', 'AUDIT_KEY', `${subject.prefix}_API_KEY`]
      await expectRefusal(nothing, lacking, [...ANYWHERE, '0.0.0.0'])
    })

    it(`${verifies('P15')} needs both the issuer and the public URL, or neither`, async () => {
      await Promise.all([
        expectRefusal({ MCP_PUBLIC_URL: '' }, ['OAUTH_ISSUER', 'MCP_PUBLIC_URL']),
        expectRefusal({ OAUTH_ISSUER: '' }, ['OAUTH_ISSUER', 'MCP_PUBLIC_URL']),
        expectRefusal({ OAUTH_ISSUER: '' }, ['OAUTH_ISSUER', 'MCP_PUBLIC_URL'], [...ANYWHERE, '0.0.0.0']),
        expectRefusal({ ...withoutOAuth, OAUTH_AUDIENCE: PUBLIC_URL }, ['OAUTH_AUDIENCE']),
      ])
    })

    it(`${verifies('P7', 'P15')} needs a configured audit file and key`, async () => {
      await Promise.all([
        expectRefusal({ AUDIT_FILE: '' }, ['AUDIT_FILE']),
        expectRefusal({ AUDIT_KEY: '' }, ['AUDIT_KEY']),
        expectRefusal({ ...withoutOAuth, AUDIT_FILE: '', AUDIT_KEY: '' }, ['AUDIT_FILE', 'AUDIT_KEY']),
      ])
    })

    it(`${verifies('P15')} does not start with malformed settings, and names each of them`, async () => {
      const rounds = Math.max(...Object.values(malformed).map(values => values.length))
      const environments = Array.from({ length: rounds }, (_, round) =>
        Object.fromEntries(
          Object.entries(malformed).map(([name, values]) => [name, values[round % values.length] ?? '']),
        ),
      )
      await Promise.all(environments.map(environment => expectRefusal(environment, Object.keys(malformed))))
    })

    it(`${verifies('P15')} does not start with malformed options`, async () => {
      const commands = [
        ['--port', '-1'],
        ['--port=65536'],
        ['--port', '0x50'],
        ['--port='],
        ['--host='],
        ['--host', '/tmp/socket'],
        ['--host'],
        ['--tls'],
        ['8080'],
      ]
      await Promise.all(commands.map(command => expectRefusal({}, ['--help'], command)))
    })

    it(`${verifies('P15')} reports that its port is in use`, async () => {
      const other = createServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      const { port } = other.address() as { port: number }
      const { code, stdout, stderr } = await run({ LOG_LEVEL: 'silent' }, ['--port', String(port)])
      await new Promise(resolve => other.close(resolve))
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(
        new RegExp(`^${subject.name} cannot listen at 127\\.0\\.0\\.1, port ${port}: .*EADDRINUSE.*\n$`),
      )
    })

    it(`${verifies('P15')} starts while its issuer is not available`, async () => {
      const { server } = await world.serve({ OAUTH_ISSUER: await deadUrl() })
      expect((await server.modern(await world.token(''), 'tools/list')).status).toBe(503)
      expect((await server.modern('x.y', 'tools/list')).status).toBe(401)
      expect(await server.kill('SIGTERM')).toBe(0)
    })

    it(`${verifies('P15')} accepts only its public host name if other machines can reach it`, async () => {
      const { server } = await world.serve({}, [...ANYWHERE, '0.0.0.0'])
      const statusOf = async (Host: string, more = {}): Promise<number> =>
        (await server.modern(await world.token(''), 'tools/list', {}, { Host, ...more })).status
      expect(await statusOf('mcp.example.com')).toBe(200)
      for (const host of ['localhost', '127.0.0.1', '0.0.0.0', '[::1]', `127.0.0.1:${server.port}`])
        expect(await statusOf(host), host).toBe(403)
      expect(await statusOf('mcp.example.com', { Origin: `http://localhost:${server.port}` })).toBe(403)
      expect((await server.modern(undefined, 'tools/list', {}, { Host: 'mcp.example.com' })).status).toBe(401)
      await server.kill('SIGTERM')
    })

    it(`${verifies('P15')} without OAuth serves this machine, and says so in its log`, async () => {
      for (const host of ['127.0.0.1', 'localhost', '::1', '127.0.0.2']) {
        const { server, trail } = await world
          .serve({ ...withoutOAuth, ...subject.confirmationOff }, [...ANYWHERE, host])
          .catch(
            // Some machines have no IPv6, or no second loopback address.
            error =>
              host === '::1' || host === '127.0.0.2' ? { server: undefined, trail: undefined } : Promise.reject(error),
          )
        if (!server) continue
        const [, url = ''] = /listens at (\S+)/.exec(server.stdout) ?? []
        expect((await fetch(url, { method: 'OPTIONS' })).status, url).toBe(204)
        if (host === '127.0.0.1') {
          const [tool] = subject.tools
          // A token is ignored.
          for (const token of [undefined, await world.token(''), 'x.y.z'])
            expect((await server.call(token, tool?.name ?? '', tool && world.valid(tool))).status).toBe(200)
          const callers = trail.terminals().map(({ caller }) => caller)
          expect(callers).toHaveLength(3)
          for (const caller of callers)
            expect(caller).toMatchObject({ kind: 'os', id: 'unverified', host: '127.0.0.1' })
        }
        await server.kill('SIGTERM')
        expect(server.stderr).toContain('OAUTH_ISSUER is not set')
      }
    })

    it('writes only its URL to standard output', async () => {
      const { server } = await world.serve()
      await server.modern(await world.token(''), 'tools/list')
      await server.kill('SIGTERM')
      expect(server.stdout).toBe(`${subject.name} listens at http://127.0.0.1:${server.port}/mcp\n`)
    })

    it('prints every variable and option with --help', async () => {
      const { stdout } = spawnSync(process.execPath, [subject.entry, '--help'], { encoding: 'utf8' })
      for (const name of [...Object.keys(malformed), '--port', '--host', 'http']) expect(stdout).toContain(name)
    })
  })
}
