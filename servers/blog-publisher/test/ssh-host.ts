import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'

const SSHD = '/usr/sbin/sshd'

/** Whether OpenSSH's server is installed. */
export const HAS_SSHD = existsSync(SSHD)

/** An OpenSSH server on 127.0.0.1, with one key that can run one command. */
export interface SshHost {
  readonly port: number
  /** The settings of the server under test. */
  readonly env: Readonly<Record<string, string>>
  /** The working directory of the command. */
  readonly folder: string
  /** Sets the shell script that the command runs, and clears `runs`. */
  command(script: string): void
  /** Sets the text that a client receives before it is authenticated. */
  banner(text: string): void
  /** The command line that the client sent, for each run. */
  runs(): string[]
  /** A script that runs until the next one is set or the host is closed. */
  readonly endless: string
  /** A private key that is not authorised. */
  readonly unauthorisedKey: string
  /** A known_hosts file with another key for this host. */
  readonly otherKnownHosts: string
  close(): Promise<void>
}

export async function openSshHost(): Promise<SshHost> {
  // With a space and a percent sign, because ssh splits options at spaces and expands percent signs.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'deploy host 100%-')))
  const path = (name: string): string => join(folder, name)
  for (const name of ['host', 'other host', 'deploy', 'unauthorised'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path(name)])
  const publicKey = (name: string): string => readFileSync(path(`${name}.pub`), 'utf8').trim()

  // The options of sshd cannot contain that folder's name.
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
      // Other users can write to the temporary folder.
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
    ].join('\n'),
  )
  // Debian's sshd needs this folder, which its service would create.
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
    unauthorisedKey: path('unauthorised'),
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

/** Resolves when sshd listens. @throws with its output if it exits before */
async function listening(stderr: NodeJS.ReadableStream): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    stderr.on('data', (chunk: Buffer) => {
      output += chunk
      if (output.includes('Server listening')) resolve()
    })
    stderr.once('close', () => reject(new Error(`sshd did not start: ${output}`)))
  })
}
