import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'

const SSHD = '/usr/sbin/sshd'

/** Whether this machine has what a deploy host is made of. */
export const HAS_SSHD = existsSync(SSHD)

/** A real OpenSSH server on loopback, with one key that is locked to one command. */
export interface SshHost {
  readonly port: number
  /** What the server under test is given. */
  readonly env: Readonly<Record<string, string>>
  /** A folder that the command writes to. */
  readonly folder: string
  /** Sets what the one command does: the body of a shell script. Forgets the runs before. */
  command(script: string): void
  /** Sets what a client is shown before it is let in. */
  banner(text: string): void
  /** What the client asked for, one entry for each time that the command ran. */
  runs(): string[]
  /** A command that goes on until the next one is set, or the host is closed. */
  readonly endless: string
  /** A private key that nobody authorised, and a file that knows another host by this one's address. */
  readonly strangersKey: string
  readonly otherKnownHosts: string
  close(): Promise<void>
}

export async function openSshHost(): Promise<SshHost> {
  // A space and a percent sign: ssh splits its options at the one and expands the other.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'deploy host 100%-')))
  const path = (name: string): string => join(folder, name)
  for (const name of ['host', 'other host', 'deploy', 'stranger'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path(name)])
  const publicKey = (name: string): string => readFileSync(path(`${name}.pub`), 'utf8').trim()

  // An option of sshd's own cannot hold the folder's name, and a command is a line for a shell.
  const plain = realpathSync(mkdtempSync(join(tmpdir(), 'deploy-host-')))
  writeFileSync(join(plain, 'command'), `#!/bin/sh\nexec sh '${path('command.sh')}'\n`, { mode: 0o755 })
  writeFileSync(join(plain, 'authorized_keys'), `restrict,command="${join(plain, 'command')}" ${publicKey('deploy')}\n`)
  writeFileSync(join(plain, 'host_key'), readFileSync(path('host')), { mode: 0o600 })
  const port = await freePort()
  writeFileSync(
    join(plain, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(plain, 'host_key')}`,
      `AuthorizedKeysFile ${join(plain, 'authorized_keys')}`,
      `Banner ${join(plain, 'banner')}`,
      'PidFile none',
      // The temporary folder is everybody's.
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
    ].join('\n'),
  )
  // Debian's sshd wants it; its service would make it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const sshd = spawn(SSHD, ['-D', '-e', '-f', join(plain, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await listening(sshd.stderr)

  writeFileSync(path('known_hosts'), `[127.0.0.1]:${port} ${publicKey('host')}\n`)
  writeFileSync(path('other_known_hosts'), `[127.0.0.1]:${port} ${publicKey('other host')}\n`)
  return {
    port,
    env: {
      BLOG_DEPLOY_SSH: `${userInfo().username}@127.0.0.1:${port}`,
      BLOG_DEPLOY_KEY_FILE: path('deploy'),
      BLOG_DEPLOY_KNOWN_HOSTS: path('known_hosts'),
    },
    folder,
    strangersKey: path('stranger'),
    otherKnownHosts: path('other_known_hosts'),
    command(script) {
      rmSync(path('runs'), { force: true })
      const note = `printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> '${path('runs')}'`
      writeFileSync(path('command.sh'), `cd '${folder}'\n${note}\n${script}\n`)
    },
    banner: text => writeFileSync(join(plain, 'banner'), text),
    endless: `while [ -e '${path('runs')}' ]; do sleep 0.2; done`,
    runs: () => (existsSync(path('runs')) ? readFileSync(path('runs'), 'utf8').split('\n').slice(0, -1) : []),
    async close() {
      for (const used of [folder, plain]) rmSync(used, { recursive: true, force: true })
      const ended = once(sshd, 'exit')
      sshd.kill()
      await ended
    },
  }
}

/** Resolves once sshd says that it listens; rejects with what it says instead. */
async function listening(stderr: NodeJS.ReadableStream): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    stderr.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('Server listening')) resolve()
    })
    stderr.once('close', () => reject(new Error(`sshd did not start: ${said}`)))
  })
}
