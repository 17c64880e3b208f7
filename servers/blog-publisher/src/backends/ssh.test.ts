import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type SshTarget, sshDeployer } from './ssh.ts'

interface Spawned {
  readonly program: string
  readonly args: readonly string[]
  readonly options: { env?: object; stdio?: unknown; shell?: unknown; signal?: AbortSignal; killSignal?: string }
  readonly child: EventEmitter & { stdout: PassThrough; stderr: PassThrough }
}

const spawned: Spawned[] = vi.hoisted(() => [])

vi.mock('node:child_process', () => ({
  spawn(program: string, args: string[], options: Spawned['options']) {
    const child = Object.assign(new EventEmitter(), { stdout: new PassThrough(), stderr: new PassThrough() })
    spawned.push({ program, args, options, child })
    return child
  },
}))

beforeEach(() => void spawned.splice(0))

const TARGET: SshTarget = {
  user: 'deploy',
  host: 'www.example.org',
  port: 2222,
  keyFile: '/etc/blog/deploy key 100%',
  knownHostsFile: '/etc/blog/~/known_hosts',
}
/** Strings of a caller's that must turn up nowhere. */
const CALL = {
  signal: new AbortController().signal,
  callId: 'call; rm -rf /',
  callerId: '-oProxyCommand=evil',
  traceparent: '$(evil)',
}

/** Deploys to a process that ends like this. */
async function deployEnding(
  code: number | null,
  { stdout = '', log = '' as string | readonly string[] } = {},
  call = CALL,
) {
  const deployed = sshDeployer(TARGET, 60_000).deploy(call)
  const [run] = spawned
  if (!run) throw new Error('nothing was run')
  run.child.stdout.write(stdout)
  for (const piece of [log].flat()) run.child.stderr.write(piece)
  await new Promise(setImmediate)
  run.child.emit('close', code)
  return await deployed
}

describe('the ssh process', () => {
  it(`${verifies('P1', 'P5')} is always the same invocation, with nothing of the call in it`, async () => {
    await deployEnding(0)
    const [run] = spawned
    expect(run?.program).toBe('ssh')
    expect(run?.args).toEqual([
      ...['-F', 'none'],
      ...['-o', 'BatchMode=yes'],
      ...['-o', 'CheckHostIP=no'],
      ...['-o', 'ClearAllForwardings=yes'],
      ...['-o', 'ConnectTimeout=10'],
      ...['-o', 'ForwardAgent=no'],
      ...['-o', 'GlobalKnownHostsFile=/dev/null'],
      ...['-o', 'IdentitiesOnly=yes'],
      ...['-o', 'IdentityAgent=none'],
      ...['-o', 'IdentityFile="/etc/blog/deploy key 100%%"'],
      ...['-o', 'LogLevel=VERBOSE'],
      ...['-o', 'PermitLocalCommand=no'],
      ...['-o', 'PreferredAuthentications=publickey'],
      ...['-o', 'RequestTTY=no'],
      ...['-o', 'ServerAliveInterval=15'],
      ...['-o', 'StrictHostKeyChecking=yes'],
      ...['-o', 'UpdateHostKeys=no'],
      ...['-o', 'UserKnownHostsFile="/etc/blog/~/known_hosts"'],
      ...['-p', '2222'],
      ...['-l', 'deploy'],
      // Whatever the host is called, it is no option.
      ...['--', 'www.example.org', 'deploy'],
    ])
    for (const text of Object.values(CALL).filter(value => typeof value === 'string'))
      expect(JSON.stringify([run?.args, run?.options.env])).not.toContain(text)
  })

  it(`${verifies('P1', 'P5', 'P13')} has no shell, no input and no environment but a fixed path`, async () => {
    process.env.SSH_TEST_SECRET = 'secret'
    await deployEnding(0)
    delete process.env.SSH_TEST_SECRET
    expect(spawned[0]?.options).toMatchObject({
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
    })
    expect(Object.keys(spawned[0]?.options.env ?? {})).toEqual(['PATH'])
    expect(spawned[0]?.options.shell ?? false).toBe(false)
  })

  it('has the same arguments for every call', async () => {
    await deployEnding(0)
    const [first] = spawned.splice(0)
    await deployEnding(0, {}, { ...CALL, callId: 'other', callerId: 'other' })
    expect(spawned[0]?.args).toEqual(first?.args)
  })

  it('needs no folder to write to', async () => {
    vi.stubEnv('TMPDIR', '/missing')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await deployEnding(0, { stdout: 'done' })).toBe('done')
  })

  it(`${verifies('P16')} is killed when the call is cancelled or its time is up`, async () => {
    const controller = new AbortController()
    const deployed = sshDeployer(TARGET, 60_000).deploy({ ...CALL, signal: controller.signal })
    const [run] = spawned
    expect(run?.options.signal?.aborted).toBe(false)
    controller.abort()
    expect(run?.options.signal?.aborted).toBe(true)
    run?.child.emit('error', new DOMException('aborted', 'AbortError'))
    await expect(deployed).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })

    spawned.splice(0)
    const late = sshDeployer(TARGET, 1).deploy(CALL)
    const signal = spawned[0]?.options.signal
    if (!signal?.aborted) await new Promise(resolve => signal?.addEventListener('abort', resolve))
    spawned[0]?.child.emit('error', new DOMException('aborted', 'AbortError'))
    await expect(late).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  it(`${verifies('P16')} is not waited for past the deadline, if something holds its output open`, async () => {
    for (const [code, result] of [
      [0, 'done'],
      [3, { code: 'BACKEND_REFUSED' }],
      [null, { code: 'OUTCOME_UNKNOWN' }],
    ] as const) {
      spawned.splice(0)
      const deployed = sshDeployer(TARGET, 50).deploy(CALL)
      const [run] = spawned
      run?.child.stderr.write('Authenticated to www.example.org')
      run?.child.stdout.write('done')
      if (code !== null) run?.child.emit('exit', code)
      if (typeof result === 'string') expect(await deployed).toBe(result)
      else await expect(deployed).rejects.toMatchObject(result)
      expect(run?.child.stdout.destroyed).toBe(true)
      expect(run?.child.stderr.destroyed).toBe(true)
    }
  })
})

describe('a deploy', () => {
  it('resolves to what the command printed, if it succeeded', async () => {
    expect(await deployEnding(0, { stdout: 'done\n', log: 'a warning' })).toBe('done')
  })

  it.each([1, 2, 126, 127, 254])('is refused, if the command failed with status %i', async code => {
    await expect(deployEnding(code, { stdout: 'secret', log: 'Permission denied' })).rejects.toMatchObject({
      code: 'BACKEND_REFUSED',
      message: `The deploy command failed with status ${code}. Its log is on the deploy host.`,
    })
  })

  it.each([
    'ssh: connect to host www.example.org port 2222: Connection refused',
    'ssh: connect to host www.example.org port 2222: Connection timed out',
    'ssh: connect to host www.example.org port 2222: No route to host',
    'ssh: Could not resolve hostname www.example.org: Name or service not known',
    'deploy@www.example.org: Permission denied (publickey).',
    'Host key verification failed.',
    'kex_exchange_identification: read: Connection reset by peer',
    'Load key "/etc/blog/deploy key 100%": Permission denied',
    'Connection timed out during banner exchange',
  ])('did not run, if ssh said: %s', async complaint => {
    await expect(deployEnding(255, { log: `${complaint}\r\n` })).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringContaining('Nothing was run'),
    })
  })

  it('did not run, if there is no ssh', async () => {
    const deployed = sshDeployer(TARGET, 60_000).deploy(CALL)
    spawned[0]?.child.emit('error', Object.assign(new Error('spawn ssh ENOENT'), { code: 'ENOENT' }))
    await expect(deployed).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  })

  it.each<[string, number | null, string]>([
    ['it was killed', null, ''],
    ['it was killed after a complaint', null, 'Permission denied'],
    ['it lost the connection', 255, 'client_loop: send disconnect: Broken pipe'],
    ['it lost the connection to a dead host', 255, 'Timeout, server www.example.org not responding.'],
    ['it says no more', 255, ''],
  ])('is of unknown outcome, if %s', async (_, code, complaint) => {
    // What ssh says, if it says so much, once the other side let it in: from then on, the command may run.
    const log = `Authenticated to www.example.org ([192.0.2.1]:2222) using "publickey".\r\n${complaint}`
    await expect(deployEnding(code, { log })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('may still be running'),
    })
  })

  const LOG = 'Authenticated to www.example.org ([192.0.2.1]:2222) using "publickey".\r\n'
  const BANNER = 'No trespassing. '.repeat(10_000)
  it.each<[string, readonly string[]]>([
    ['letter by letter', [...LOG]],
    ['after a banner longer than all else', [`${BANNER}\n`, LOG]],
    ['after a banner without an end of line', [BANNER + LOG]],
    ['before more than all else', [LOG, ...Array<string>(1000).fill(BANNER), 'Permission denied']],
  ])('is of unknown outcome, if ssh was let in and said so %s', async (_, log) => {
    await expect(deployEnding(255, { log })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  it('did not run, if ssh said much, but not that it was let in', async () => {
    const log = [BANNER, 'Authenticated', ' \nto\n', 'Permission denied (publickey).\r\n']
    await expect(deployEnding(255, { log })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  })
})
