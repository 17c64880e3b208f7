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

/** What a server makes of its settings and of its command line. */
export function describeConfiguration(world: World): void {
  const { subject } = world
  const { prefix } = subject
  const URL_VARIABLE = `${prefix}_API_URL`
  const KEY_VARIABLE = `${prefix}_API_KEY`

  /** Runs a server to its end. */
  const run = async (args: string[], env: Record<string, string>): Promise<Ended> => {
    const { server } = world.launch({ args, env, audit: 'none' })
    let stdout = ''
    server.child.stdout?.on('data', (text: string) => {
      stdout += text
    })
    const code = await server.end()
    return { code, stdout, stderr: server.stderr }
  }

  /** That it does not start, says why to its operator alone, and gives no secret away. */
  const expectRefusal = async (env: Record<string, string>, named: readonly string[], args: string[] = []) => {
    const { code, stdout, stderr } = await run(args, env)
    const title = JSON.stringify(env)
    expect(code, title).toBe(2)
    expect(stdout, title).toBe('')
    for (const name of named) expect(stderr, title).toContain(name)
    for (const secret of [SECRET, world.access.key, world.auditKey]) expect(stderr, title).not.toContain(secret)
    // Words for a person, not a crash.
    expect(stderr, title).not.toMatch(/\n\s+at |node:internal/)
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

  describe('a configuration', () => {
    it('that is missing is asked for, all of it in one message', async () => {
      const needed = { [URL_VARIABLE]: '', [KEY_VARIABLE]: '' }
      const own = Object.keys(subject.settings?.(world.own) ?? {})
      const unset = Object.fromEntries([...Object.keys(needed), ...own].map(name => [name, '']))
      await expectRefusal(unset, Object.keys(unset))
    })

    it.each(Object.entries(malformed))(`${verifies('P5')} with a bad %s is refused by name`, async (name, values) => {
      await Promise.all(values.map(value => expectRefusal({ [name]: value }, [name])))
    })

    it(`${verifies('P5')} that is wrong all over is told of as such, in one message`, async () => {
      const all = Object.fromEntries(Object.entries(malformed).map(([name, [value = '']]) => [name, value]))
      await expectRefusal(all, Object.keys(all))
      await expectRefusal(all, Object.keys(all), ['check'])
    })

    it.each(['${user_config.value}', '${VALUE}', '$VALUE', '%VALUE%', '{env:VALUE}'])(
      `${verifies('P5')} that still holds the placeholder %s of a client is refused, each setting and secret by name`,
      async placeholder => {
        const own = Object.keys(subject.settings?.(world.own) ?? {})
        const names = [...new Set([...Object.keys(malformed), ...own])]
        await expectRefusal(
          Object.fromEntries(names.map(name => [name, placeholder])),
          names.map(name => `${name} holds a placeholder`),
        )
        for (const name of [KEY_VARIABLE, 'AUDIT_KEY'])
          await expectRefusal({ [name]: '', [`${name}_FILE`]: placeholder }, [`${name}_FILE holds a placeholder`])
        await expectRefusal({ [URL_VARIABLE]: `https://${placeholder}/v1` }, [URL_VARIABLE])
      },
    )

    it(`${verifies('P5')} with a secret that is given twice, or cannot be read, is refused`, async () => {
      for (const name of [KEY_VARIABLE, 'AUDIT_KEY']) {
        const other = file('secret', `${SECRET}\n`)
        await expectRefusal({ [`${name}_FILE`]: other }, [name, `${name}_FILE`])
        await expectRefusal({ [name]: '', [`${name}_FILE`]: join(dirname(other), 'missing') }, [`${name}_FILE`])
        await expectRefusal({ [name]: '', [`${name}_FILE`]: dirname(other) }, [`${name}_FILE`])
      }
      await expectRefusal({ [KEY_VARIABLE]: '', [`${KEY_VARIABLE}_FILE`]: file('empty', '\n') }, [KEY_VARIABLE])
      await expectRefusal({ AUDIT_KEY: '', AUDIT_KEY_FILE: file('short', 'abcd\n') }, ['AUDIT_KEY'])
    })

    it(`${verifies('P8')} with an audit file that cannot be opened is refused`, async () => {
      const folder = world.emptyFolder()
      const inFile = join(file('file', ''), 'audit.jsonl')
      mkdirSync(join(folder, 'audit.jsonl'))
      for (const AUDIT_FILE of [join(folder, 'missing', 'audit.jsonl'), inFile, join(folder, 'audit.jsonl')])
        await expectRefusal({ AUDIT_FILE }, ['AUDIT_FILE'])
      const AUDIT_HEAD_FILE = join(folder, 'missing', 'head')
      await expectRefusal({ AUDIT_HEAD_FILE }, ['AUDIT'])
      const same = join(folder, 'same.jsonl')
      await expectRefusal({ AUDIT_FILE: same, AUDIT_HEAD_FILE: same }, ['AUDIT_HEAD_FILE'])
    })

    it(`${verifies('P5')} may have its secrets in files`, async () => {
      const env = {
        [KEY_VARIABLE]: '',
        [`${KEY_VARIABLE}_FILE`]: file('key', `${world.access.key}\n`),
        AUDIT_KEY: '',
        AUDIT_KEY_FILE: file('audit.key', `${world.auditKey}\n`),
      }
      expect(await run(['check'], env)).toMatchObject({ code: 0 })
    })
  })

  describe('the command', () => {
    const unset = Object.fromEntries([URL_VARIABLE, KEY_VARIABLE, 'AUDIT_FILE', 'AUDIT_KEY'].map(name => [name, '']))

    it.each(['--help', '-h'])('%s tells of every variable, with nothing configured', async flag => {
      const { code, stdout, stderr } = await run([flag], unset)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      for (const name of Object.keys(malformed)) expect(stdout).toContain(name)
      for (const name of Object.keys(subject.settings?.(world.own) ?? {})) expect(stdout).toContain(name)
      for (const command of ['check', '--version', '--help']) expect(stdout).toContain(command)
    })

    it.each(['--version', '-v'])('%s tells the version, with nothing configured', async flag => {
      const manifest = JSON.parse(readFileSync(join(dirname(subject.entry), '..', 'package.json'), 'utf8'))
      expect(await run([flag], unset)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    })

    it.each([['serve'], ['chekc'], ['check', 'more'], ['--verbose'], ['']])('%s is not known', async (...args) => {
      const { code, stdout, stderr } = await run(args, {})
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain('--help')
    })

    it('check says that all is well', async () => {
      const { code, stdout } = await run(['check'], {})
      expect(stdout).not.toContain('FAILED')
      expect(code).toBe(0)
      for (const scope of subject.scopes) expect(stdout).toContain(scope)
    })

    it(`${verifies('P5')} check names a scope that the key has and should not have`, async () => {
      const key = world.backend.mintKey(subject.api, [...subject.scopes, subject.surplusScope])
      const { code, stdout } = await run(['check'], { [KEY_VARIABLE]: key })
      expect(code).toBe(1)
      expect(stdout).toMatch(new RegExp(`FAILED.*${subject.surplusScope}`))
      expect(stdout).not.toContain(key)
    })

    it('check names a scope that the key has not and should have', async () => {
      for (const scope of subject.scopes) {
        const key = world.backend.mintKey(
          subject.api,
          subject.scopes.filter(other => other !== scope),
        )
        const { code, stdout } = await run(['check'], { [KEY_VARIABLE]: key })
        expect(code).toBe(1)
        expect(stdout).toMatch(new RegExp(`FAILED.*${scope}`))
      }
    })

    it(`${verifies('P5')} check says that the key is wrong, or that nobody is there`, async () => {
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
