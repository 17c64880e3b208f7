import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deadUrl } from '../hostile-backend.ts'
import type { World } from '../world.ts'

const SECRET = 'hunter2-s3cr3t'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The settings and the command line of a server. */
export function describeConfiguration(world: World): void {
  const { subject } = world
  const { prefix } = subject
  const URL_VARIABLE = `${prefix}_API_URL`
  const KEY_VARIABLE = `${prefix}_API_KEY`

  /** Runs a server until it exits. */
  const run = async (args: string[], env: Record<string, string>): Promise<Ended> => {
    const { server } = world.launch({ args, env, audit: 'none' })
    let stdout = ''
    server.child.stdout?.on('data', (text: string) => {
      stdout += text
    })
    const code = await server.end()
    return { code, stdout, stderr: server.stderr }
  }

  /** The server exits with 2, and names the settings on standard error, without secrets. Resolves to that text. */
  const expectRefusal = async (
    env: Record<string, string>,
    named: readonly string[],
    args: string[] = [],
  ): Promise<string> => {
    const { code, stdout, stderr } = await run(args, env)
    const title = JSON.stringify(env)
    expect(code, title).toBe(2)
    expect(stdout, title).toBe('')
    for (const name of named) expect(stderr, title).toContain(name)
    for (const secret of [SECRET, world.access.key, world.auditKey]) expect(stderr, title).not.toContain(secret)
    // A message for the operator, not a stack trace.
    expect(stderr, title).not.toMatch(/\n\s+at |node:internal/)
    return stderr
  }

  const file = (name: string, content: string): string => {
    const path = join(world.emptyFolder(), name)
    writeFileSync(path, content)
    return path
  }

  const malformed: Readonly<Record<string, readonly string[]>> = {
    [URL_VARIABLE]: [
      'backend',
      '/tickets',
      'ftp://127.0.0.1/',
      'file:///etc/passwd',
      'http://backend.example/v1',
      'http://127.0.0.1.example/v1',
      `https://user:${SECRET}@backend.example/v1`,
      `https://${SECRET}@backend.example/v1`,
      `https://backend.example/v1?key=${SECRET}`,
      `https://backend.example/v1#${SECRET}`,
    ],
    [`${prefix}_BACKEND`]: ['sql', 'REST'],
    [`${prefix}_API_TIMEOUT_MS`]: ['soon', '-1', '0', '1.5', '99999999999', 'NaN'],
    [KEY_VARIABLE]: [`two ${SECRET}`, `${SECRET}\r\nX-Injected: 1`, `${SECRET}é`],
    AUDIT_FILE: ['audit.jsonl', './audit.jsonl', '~/audit.jsonl'],
    AUDIT_HEAD_FILE: ['audit.head'],
    AUDIT_KEY: ['ab'.repeat(31), SECRET, 'not hex, not base64!', 'zz'.repeat(8)],
    LOG_LEVEL: ['loud', 'INFO'],
    ...subject.malformed,
  }
  /** One malformed value of every variable, and so on until every value is used. */
  const rounds = Array.from(
    { length: Math.max(...Object.values(malformed).map(values => values.length)) },
    (_, round) =>
      Object.fromEntries(
        Object.entries(malformed).map(([name, values]) => [name, values[round % values.length] ?? '']),
      ),
  )

  describe('a configuration', () => {
    it('without required settings is refused, with all of them in one message', async () => {
      const needed = { [URL_VARIABLE]: '', [KEY_VARIABLE]: '' }
      const own = Object.keys(subject.settings?.(world.own) ?? {})
      const unset = Object.fromEntries([...Object.keys(needed), ...own].map(name => [name, '']))
      await expectRefusal(unset, Object.keys(unset))
    })

    it(`${verifies('P5')} with malformed settings is refused, with one line for each of them`, async () => {
      await Promise.all(
        rounds.map(async env => {
          const lines = (await expectRefusal(env, [])).split('\n')
          for (const name of Object.keys(env)) {
            // A line about several variables, such as `A and B are both set`, is no proof that the value was rejected.
            const own = new RegExp(`^ {2}- ${name}(?:: | (?!and ))`)
            expect(
              lines.filter(line => own.test(line)),
              JSON.stringify([name, env]),
            ).toHaveLength(1)
          }
        }),
      )
    })

    it(`${verifies('P5')} with malformed settings is refused by the check command, too`, async () => {
      await expectRefusal(rounds[0] ?? {}, Object.keys(malformed), ['check'])
    })

    it.each(['${user_config.value}', '${VALUE}', '$VALUE', '%VALUE%', '{env:VALUE}'])(
      `${verifies('P5')} with the placeholder %s of a client is refused, with each setting and secret by name`,
      async placeholder => {
        const own = Object.keys(subject.settings?.(world.own) ?? {})
        const names = [...new Set([...Object.keys(malformed), ...own])]
        const secrets = [KEY_VARIABLE, 'AUDIT_KEY']
        const inFiles = secrets.flatMap(name => [
          [name, ''],
          [`${name}_FILE`, placeholder],
        ])
        await Promise.all([
          expectRefusal(
            Object.fromEntries(names.map(name => [name, placeholder])),
            names.map(name => `${name} holds a placeholder`),
          ),
          expectRefusal({ ...Object.fromEntries(inFiles), [URL_VARIABLE]: `https://${placeholder}/v1` }, [
            URL_VARIABLE,
            ...secrets.map(name => `${name}_FILE holds a placeholder`),
          ]),
        ])
      },
    )

    it(`${verifies('P5')} with a secret that is set twice, or that cannot be read, is refused`, async () => {
      const secrets = [KEY_VARIABLE, 'AUDIT_KEY']
      const readable = file('secret', `${SECRET}\n`)
      const inFiles = (path: string): Record<string, string> =>
        Object.fromEntries(
          secrets.flatMap(name => [
            [name, ''],
            [`${name}_FILE`, path],
          ]),
        )
      const files = secrets.map(name => `${name}_FILE`)
      await Promise.all([
        expectRefusal(
          Object.fromEntries(files.map(name => [name, readable])),
          secrets.map(name => `${name} and ${name}_FILE`),
        ),
        expectRefusal(inFiles(join(dirname(readable), 'missing')), files),
        expectRefusal(inFiles(dirname(readable)), files),
        expectRefusal(
          {
            ...inFiles(''),
            [`${KEY_VARIABLE}_FILE`]: file('empty', '\n'),
            AUDIT_KEY_FILE: file('short', 'abcd\n'),
          },
          secrets,
        ),
      ])
    })

    it(`${verifies('P8')} with an audit file that cannot be opened is refused`, async () => {
      const folder = world.emptyFolder()
      const inFile = join(file('file', ''), 'audit.jsonl')
      mkdirSync(join(folder, 'audit.jsonl'))
      const same = join(folder, 'same.jsonl')
      await Promise.all([
        ...[join(folder, 'missing', 'audit.jsonl'), inFile, join(folder, 'audit.jsonl')].map(AUDIT_FILE =>
          expectRefusal({ AUDIT_FILE }, ['AUDIT_FILE']),
        ),
        expectRefusal({ AUDIT_HEAD_FILE: join(folder, 'missing', 'head') }, ['AUDIT']),
        expectRefusal({ AUDIT_FILE: same, AUDIT_HEAD_FILE: same }, ['AUDIT_HEAD_FILE']),
      ])
    })

    it(`${verifies('P5')} with secrets in files is accepted`, async () => {
      const env = {
        [KEY_VARIABLE]: '',
        [`${KEY_VARIABLE}_FILE`]: file('key', `${world.access.key}\n`),
        AUDIT_KEY: '',
        AUDIT_KEY_FILE: file('audit.key', `${world.auditKey}\n`),
      }
      expect(await run(['check'], env)).toMatchObject({ code: 0 })
    })
  })

  describe('the command line', () => {
    const unset = Object.fromEntries([URL_VARIABLE, KEY_VARIABLE, 'AUDIT_FILE', 'AUDIT_KEY'].map(name => [name, '']))

    it.each(['--help', '-h'])('%s prints every variable and command, without a configuration', async flag => {
      const { code, stdout, stderr } = await run([flag], unset)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      for (const name of Object.keys(malformed)) expect(stdout).toContain(name)
      for (const name of Object.keys(subject.settings?.(world.own) ?? {})) expect(stdout).toContain(name)
      for (const command of ['check', '--version', '--help']) expect(stdout).toContain(command)
    })

    it.each(['--version', '-v'])('%s prints the version, without a configuration', async flag => {
      const manifest = JSON.parse(readFileSync(join(dirname(subject.entry), '..', 'package.json'), 'utf8'))
      expect(await run([flag], unset)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    })

    it('exits with 2 after an unknown command or option, and refers to --help', async () => {
      await Promise.all(
        [['serve'], ['chekc'], ['check', 'more'], ['--verbose'], ['']].map(async args => {
          const { code, stdout, stderr } = await run(args, {})
          expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' })
          expect(stderr, args.join()).toContain('--help')
        }),
      )
    })

    it('check exits with 0 if everything is configured correctly', async () => {
      const { code, stdout } = await run(['check'], {})
      expect(stdout).not.toContain('FAILED')
      expect(code).toBe(0)
      for (const scope of subject.scopes) expect(stdout).toContain(scope)
    })

    it(`${verifies('P5')} check reports a scope that the key has and should not have`, async () => {
      const key = world.backend.mintKey(subject.api, [...subject.scopes, subject.surplusScope])
      const { code, stdout } = await run(['check'], { [KEY_VARIABLE]: key })
      expect(code).toBe(1)
      expect(stdout).toMatch(new RegExp(`FAILED.*${subject.surplusScope}`))
      expect(stdout).not.toContain(key)
    })

    it('check reports a scope that the key needs and does not have', async () => {
      await Promise.all(
        subject.scopes.map(async scope => {
          const key = world.backend.mintKey(
            subject.api,
            subject.scopes.filter(other => other !== scope),
          )
          const { code, stdout } = await run(['check'], { [KEY_VARIABLE]: key })
          expect(code).toBe(1)
          expect(stdout).toMatch(new RegExp(`FAILED.*${scope}`))
        }),
      )
    })

    it(`${verifies('P5')} check reports a wrong key, and a backend that does not answer`, async () => {
      const wrong = await run(['check'], { [KEY_VARIABLE]: SECRET })
      expect(wrong.code).toBe(1)
      expect(wrong.stdout).toContain('FAILED')
      const absent = await run(['check'], { [URL_VARIABLE]: await deadUrl() })
      expect(absent.code).toBe(1)
      expect(absent.stdout).toContain('FAILED')
      for (const { stdout, stderr } of [wrong, absent])
        for (const secret of [SECRET, world.access.key, world.auditKey]) expect(stdout + stderr).not.toContain(secret)
    })
  })
}
