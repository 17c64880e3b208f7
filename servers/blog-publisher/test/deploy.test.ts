import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CLIENT_KINDS,
  endOf,
  errorCodeOf,
  type RunningServer,
  type Session,
  YES,
} from '@narrow-deputies/server-contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openPublisher, type Publisher, publisher, yes } from './publisher.ts'
import { HAS_SSHD, openSshHost, type SshHost } from './ssh-host.ts'

if (!HAS_SSHD) console.warn('SKIPPED: deployBlog against a real sshd, as there is no /usr/sbin/sshd (openssh-server)')

describe('deployBlog without a deploy host', () => {
  it(`${verifies('P1')} does not exist: it is not listed, and a call fails`, async () => {
    const world = await publisher()
    for (const era of ['legacy', 'modern'] as const) {
      const server = await world.start(era, yes)
      const { result } = (await server.request('tools/list', {})) as { result: { tools: { name: string }[] } }
      expect(result.tools.map(({ name }) => name)).toEqual(['listDrafts', 'publishDraft'])
      expect(errorCodeOf(await server.call('deployBlog', {}))).toBe('INVALID_INPUT')
      await server.end()
    }
    expect(world.trail.terminals().map(({ event, error }) => [event, error?.code])).toEqual([
      ['denied', 'INVALID_INPUT'],
      ['denied', 'INVALID_INPUT'],
    ])
  })
})

describe.skipIf(!HAS_SSHD)('deployBlog on a real deploy host', () => {
  let host: SshHost
  let world: Publisher
  let session: Session

  beforeAll(async () => {
    host = await openSshHost()
    world = await openPublisher(host.env)
    session = await world.open('modern wire', yes)
  })
  afterAll(async () => {
    await world.close()
    await host.close()
  })
  beforeEach(() => {
    host.command('echo deployed')
    host.banner('')
  })

  describe.each(CLIENT_KINDS)('through a %s', kind => {
    it(`${verifies('P12')} runs its command after a yes`, async () => {
      const records = world.recordsFromNow()
      const shown: string[] = []
      const asking = await world.open(kind, question => {
        shown.push(question)
        expect(host.runs()).toEqual([])
        return YES
      })
      const end = await asking.call('deployBlog', {})
      expect(shown).toEqual([`Run the blog’s deploy command on ${host.env.BLOG_DEPLOY_SSH} now?`])
      expect(end).toMatchObject({ code: undefined, data: { untrusted: { output: 'deployed' } } })
      // The client sends a fixed word, which the host ignores.
      expect(host.runs()).toEqual(['deploy'])
      expect(records().map(({ event, confirmation }) => [event, confirmation])).toEqual([
        ['confirm', 'none'],
        ['intent', 'elicited'],
        ['outcome', 'elicited'],
      ])
      // The output of the command is not recorded in clear text.
      expect(world.trail.text()).not.toContain('deployed')
    })

    it(`${verifies('P12')} runs nothing after a no`, async () => {
      const asking = await world.open(kind, () => ({ action: 'decline' }))
      expect((await asking.call('deployBlog', {})).code).toBe('CONFIRMATION_DECLINED')
      expect(host.runs()).toEqual([])
    })
  })

  it(`${verifies('P12')} runs nothing if the client has no elicitation`, async () => {
    const client = await world.open('modern wire')
    expect((await client.call('deployBlog', {})).code).toBe('CONFIRMATION_UNAVAILABLE')
    expect(host.runs()).toEqual([])
  })

  it(`${verifies('P1', 'P2')} takes no arguments: with any, nothing runs`, async () => {
    for (const args of [{ command: 'rm -rf /' }, { '': '' }, { host: 'elsewhere', port: 22 }, { confirm: true }])
      expect((await session.call('deployBlog', args)).code).toBe('INVALID_INPUT')
    expect(host.runs()).toEqual([])
  })

  it(`${verifies('P1')} runs the command without input and terminal, and ignores its standard error`, async () => {
    host.command('cat | wc -c; tty; echo "in the log only" >&2')
    const end = await session.call('deployBlog', {})
    expect(end.data).toEqual({ untrusted: { output: '0\nnot a tty' } })
  })

  it('reports the exit status of a command that failed, without its output', async () => {
    host.command('echo "half done, password hunter2"; echo "and more hunter2" >&2; exit 3')
    const records = world.recordsFromNow()
    const end = await session.call('deployBlog', {})
    expect(end.code).toBe('BACKEND_REFUSED')
    expect(end.text).toContain('status 3')
    expect(end.text).not.toContain('hunter2')
    expect(records().at(-1)).toMatchObject({
      event: 'outcome',
      error: { code: 'BACKEND_REFUSED' },
      confirmation: 'elicited',
    })
  })

  it.each<[string, () => Record<string, string>]>([
    ['the key of the host has changed', () => ({ BLOG_DEPLOY_KNOWN_HOSTS: host.otherKnownHosts })],
    ['the key of the host is unknown', () => ({ BLOG_DEPLOY_KNOWN_HOSTS: '/dev/null' })],
    ['the list of known hosts is missing', () => ({ BLOG_DEPLOY_KNOWN_HOSTS: join(host.folder, 'missing') })],
    ['our key is not authorised', () => ({ BLOG_DEPLOY_KEY_FILE: host.unauthorisedKey })],
    ['our key is missing', () => ({ BLOG_DEPLOY_KEY_FILE: join(host.folder, 'missing') })],
    ['our key is malformed', () => ({ BLOG_DEPLOY_KEY_FILE: join(host.folder, 'known_hosts') })],
    ['there is no such user', () => ({ BLOG_DEPLOY_SSH: `nobody-of-that-name@127.0.0.1:${host.port}` })],
    ['nothing listens there', () => ({ BLOG_DEPLOY_SSH: 'deploy@127.0.0.1:1' })],
  ])(`${verifies('P5')} reports that nothing was run if %s`, async (_, change) => {
    const other = await publisher({ ...host.env, ...change() })
    const end = await (await other.open('modern wire', yes)).call('deployBlog', {})
    expect(end.code).toBe('BACKEND_UNAVAILABLE')
    expect(end.text).toContain('Nothing was run')
    expect(end.text).not.toContain(host.folder)
    expect(host.runs()).toEqual([])
    expect(other.trail.terminals().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'BACKEND_UNAVAILABLE' } })
  })

  it('reports that nothing was run if a host with a banner refuses the key, without the banner', async () => {
    host.banner(`${'No trespassing. '.repeat(5000)}\nhunter2\n`)
    const other = await publisher({ ...host.env, BLOG_DEPLOY_KEY_FILE: host.unauthorisedKey })
    const end = await (await other.open('modern wire', yes)).call('deployBlog', {})
    expect(end.code).toBe('BACKEND_UNAVAILABLE')
    expect(JSON.stringify(end) + other.trail.text()).not.toMatch(/hunter2|trespassing/)
  })

  it('reports that nothing was run if the host is not an SSH server', async () => {
    const server = createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const other = await publisher({ ...host.env, BLOG_DEPLOY_SSH: `deploy@127.0.0.1:${port}` })
    const end = await (await other.open('modern wire', yes)).call('deployBlog', {})
    expect(end.code).toBe('BACKEND_UNAVAILABLE')
  })

  it(`${verifies('P16')} reports an unknown outcome after the timeout`, async () => {
    host.command(host.endless)
    const hasty = await publisher({ ...host.env, BLOG_DEPLOY_TIMEOUT_MS: '1500' })
    const end = await (await hasty.open('modern wire', yes)).call('deployBlog', {})
    expect(end.code).toBe('OUTCOME_UNKNOWN')
    expect(end.text).toContain('may still be running')
    expect(host.runs()).toEqual(['deploy'])
    expect(hasty.trail.terminals().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'OUTCOME_UNKNOWN' } })
  })

  it.each([
    ['is killed by a signal', 'kill -9 $$'],
    ['loses its connection', 'kill -9 $PPID; sleep 1'],
    ['exits with the status that ssh uses for its own errors', 'exit 255'],
    [
      'exits with that status after an error of another ssh',
      'echo "git@example.com: Permission denied (publickey)." >&2; exit 255',
    ],
    [
      'exits with that status because another host does not listen',
      'echo "ssh: connect to host db.example port 22: Connection refused" >&2; exit 255',
    ],
  ])('does not report that nothing was run if the command %s', async (_, script) => {
    host.command(script)
    // Without a banner, and with one that is longer than the output of ssh that the server reads.
    for (const banner of ['', 'No trespassing. '.repeat(5000)]) {
      host.banner(banner)
      const runs = host.runs().length
      const end = await session.call('deployBlog', {})
      expect(host.runs()).toHaveLength(runs + 1)
      expect(end.code).toBe('OUTCOME_UNKNOWN')
      expect(end.text).not.toContain('Nothing was run')
    }
  })

  it(`${verifies('P16', 'P17')} returns the end of ten megabytes of output, without deceptive characters`, async () => {
    host.command(
      `head -c 10000000 /dev/zero | tr '\\0' 'x'; printf '\\n\\033[31mred\\033[0m \\342\\200\\256evil\\342\\200\\254 \\000\\007 z\\342\\200\\213w é\\r\\nthe end\\n'`,
    )
    const end = await session.call('deployBlog', {})
    const { output } = end.data.untrusted as { output: string }
    expect(output).toHaveLength(2000)
    expect(output).toMatch(/^…x+\n\[31mred\[0m evil {2}zw é\nthe end$/)
  })

  it(`${verifies('P16', 'P17')} returns output that is not text as well-formed text`, async () => {
    host.command('head -c 100000 /dev/urandom; echo; echo the end')
    const end = await session.call('deployBlog', {})
    expect(end.code).toBeUndefined()
    const { output } = end.data.untrusted as { output: string }
    expect(output.length).toBeLessThanOrEqual(2000)
    expect(output).toMatch(/the end$/)
    expect(output.isWellFormed()).toBe(true)
  })

  describe.skipIf(process.platform !== 'linux')('starts an ssh process that', () => {
    it.each<[string, (server: RunningServer) => unknown]>([
      [
        'the call is cancelled',
        server => server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } }),
      ],
      ['the server receives SIGTERM', server => server.kill('SIGTERM')],
    ])(`${verifies('P7', 'P16')} exits when %s, and the call has one terminal record`, async (_, stop) => {
      host.command(host.endless)
      const hasty = await publisher(host.env)
      const server = await hasty.start('legacy', yes)
      server.write({ jsonrpc: '2.0', id: 77, method: 'tools/call', params: { name: 'deployBlog', arguments: {} } })
      const [ssh = 0] = await until(() => childrenOf(server.child.pid))
      await until(() => host.runs())
      await stop(server)
      await until(() => (isRunning(ssh) ? [] : ['gone']))
      await server.end()
      expect(hasty.trail.terminals().map(({ event, error }) => [event, error?.code])).toEqual([
        ['outcome', 'CANCELLED'],
      ])
    })

    it(`${verifies('P5', 'P13')} does not inherit the server’s environment and open files`, async () => {
      host.command(host.endless)
      const more = { BLOG_DEPLOY_TIMEOUT_MS: '1500', SSH_AUTH_SOCK: '/tmp/agent', HOME: host.folder }
      const hasty = await publisher({ ...host.env, ...more })
      const server = await hasty.start('legacy', yes)
      const reply = server.call('deployBlog', {})
      const [ssh = 0] = await until(() => childrenOf(server.child.pid))
      await until(() => host.runs())

      const environment = readFileSync(`/proc/${ssh}/environ`, 'utf8').split('\0').filter(Boolean)
      expect(environment).toEqual(['PATH=/usr/local/bin:/usr/bin:/bin'])
      const command = readFileSync(`/proc/${ssh}/cmdline`, 'utf8').split('\0')
      expect(command[0]).toBe('ssh')
      for (const secret of [hasty.backend.blog.key, hasty.env.AUDIT_KEY ?? '?']) {
        expect(environment.join()).not.toContain(secret)
        expect(command.join()).not.toContain(secret)
      }
      const files = readdirSync(`/proc/${ssh}/fd`).map(fd => readlinkSync(`/proc/${ssh}/fd/${fd}`))
      expect(files.filter(file => file.includes('audit') || file.includes('drafts'))).toEqual([])
      expect(endOf(await reply).code).toBe('OUTCOME_UNKNOWN')
    })
  })
})

/** The ids of a process’s children, on Linux. */
function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Polls until the result is not empty. */
async function until<T>(look: () => T[]): Promise<T[]> {
  for (;;) {
    const found = look()
    if (found.length > 0) return found
    await delay(20)
  }
}
