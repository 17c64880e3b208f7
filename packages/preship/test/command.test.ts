import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { preship, startPreship } from './preship.ts'

const parent = mkdtempSync(join(tmpdir(), 'preship-command-'))
afterAll(() => rmSync(parent, { recursive: true }))

/** A folder of its own for each test, because tests run concurrently. */
function newFolder(): string {
  return mkdtempSync(join(parent, 'test-'))
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`hostile/${name}.mjs`, import.meta.url))
}

describe.concurrent('a rug pull', () => {
  it.each([
    ['description', /LOCK_CHANGED[\s\S]*getNote[\s\S]*description/],
    ['schema', /LOCK_CHANGED[\s\S]*getNote[\s\S]*input schema/],
    ['annotations', /LOCK_CHANGED[\s\S]*getNote[\s\S]*annotations/],
    ['tools', /LOCK_NEW_TOOL[\s\S]*deleteNote/],
    ['instructions', /LOCK_CHANGED[\s\S]*instructions/],
  ])('in the %s is detected by verify and by the examination', async (part, output) => {
    const folder = newFolder()
    const run = (words: readonly string[]) => preship(words, {}, folder)
    const pulled = join(folder, 'pulled')
    const server = ['--', process.execPath, fixture('rug-pull'), pulled, part]
    const accept = ['lock', '--accept-by', 'ann', '--worst-case', 'getNote=A note is read.', ...server]
    expect(await run(accept)).toMatchObject({ code: 0, stdout: expect.stringContaining('getNote: accepted by ann') })
    expect(await run(['verify', '--strict', ...server])).toMatchObject({ code: 0 })
    writeFileSync(pulled, '')
    for (const words of [
      ['verify', '--format', 'json', ...server],
      ['--format', 'json', ...server],
    ]) {
      const { code, stdout } = await run(words)
      expect(code).toBe(1)
      expect(JSON.stringify((JSON.parse(stdout) as { findings: unknown }).findings)).toMatch(output)
    }
    // Running lock again does not accept the change; accepting it by name does.
    await run(['lock', ...server])
    if (part !== 'tools') expect(await run(['verify', ...server])).toMatchObject({ code: 1 })
    await run(['lock', '--accept-by', 'bo', '--worst-case', 'getNote', ...server])
    expect(await run(['verify', ...server])).toMatchObject({ code: 0 })
  })
})

describe.concurrent('preship', () => {
  const HONEST = ['--', process.execPath, fixture('showing-its-environment')]

  it('passes only PATH and HOME of its own environment to the server', async () => {
    const env = { SECRET: 'x', PASSED: 'y', PRESHIP_TOKEN: 'z' }
    const options = ['--format', 'json', '--env', 'PASSED', '--env', 'GIVEN=1']
    const { stdout } = await preship([...options, ...HONEST], env, newFolder())
    const { server } = JSON.parse(stdout) as { server: { name: string } }
    const setBySystem = /^(?:__CF_|SYSTEMROOT$)/
    expect(server.name.split(' ').filter(name => !setBySystem.test(name))).toEqual([
      'GIVEN',
      'HOME',
      'PASSED',
      'PATH',
      'PRESHIP_RUN',
    ])
  })

  it('exits with 2 and explains the problem if it is used incorrectly', async () => {
    const folder = newFolder()
    for (const [words, output] of [
      [['--nonsense'], /--nonsense/],
      [['node', 'x.js'], /after --/],
      [['verify', ...HONEST], /no lock file/],
      [['--lock', 'none', ...HONEST], /no lock file none/],
      [['--source', 'none', ...HONEST], /--source: none does not exist/],
      [['--env', 'NONE', ...HONEST], /NONE/],
      [['--token-file', 'none', 'https://a.example/mcp'], /cannot read the token file none/],
      [['--output', 'none/x', ...HONEST], /cannot write none\/x/],
      [['explain', 'NONSENSE'], /NONSENSE/],
      [['lock', '--worst-case', 'other=x', ...HONEST], /no tool “other”/],
    ] as const) {
      const { code, stderr, stdout } = await preship(words, {}, folder)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(output)
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('sends no token over plain HTTP', async () => {
    const url = `http://${'a.example'}/mcp`
    expect(await preship([url], { PRESHIP_TOKEN: 'x' }, newFolder())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('https'),
    })
  })

  it('prints its help, its version and explanations', async () => {
    const run = (words: readonly string[]) => preship(words, {}, newFolder())
    expect(await run(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') })
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    expect(await run(['explain', 'lock_changed'])).toMatchObject({ code: 0, stdout: expect.stringContaining('why:') })
    expect((await run(['explain'])).stdout).toMatch(/^1 narrow tools\n {4}\w+ \(/)
  })

  it('writes the report to a file, and prints nothing with --quiet', async () => {
    const folder = newFolder()
    const options = ['--quiet', '--format', 'sarif', '--output', 'a.sarif']
    const { stdout, stderr } = await preship([...options, ...HONEST], {}, folder)
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
    expect(JSON.parse(readFileSync(join(folder, 'a.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' })
    expect(readdirSync(folder)).toEqual(['a.sarif'])
  })

  it('fails according to --fail-on and --strict', async () => {
    const folder = newFolder()
    const run = (words: readonly string[]) => preship(words, {}, folder)
    await run(['lock', ...HONEST])
    expect(await run(['verify', ...HONEST])).toMatchObject({ code: 0 })
    expect(await run(['verify', '--fail-on', 'warning', ...HONEST])).toMatchObject({ code: 1 })
    expect(await run(['verify', '--strict', ...HONEST])).toMatchObject({ code: 1 })
  })

  it('redacts secrets in the command', async () => {
    const { stdout } = await preship(
      [...HONEST, '--api-key=s3cret', '--token', 's3cret', 'postgres://u:s3cret@h/db'],
      {},
      newFolder(),
    )
    expect(stdout).not.toContain('s3cret')
  })

  it('watches the script, and prints what changed', async () => {
    const folder = newFolder()
    const script = join(folder, 'server.mjs')
    copyFileSync(fixture('speaking'), join(folder, 'speaking.mjs'))
    const source = (tools: string) =>
      `import { answerTo, HARMLESS, listen } from './speaking.mjs'\nlisten(message => answerTo(message, ${tools}))\n`
    writeFileSync(script, source('[HARMLESS]'))
    const { child, ended } = startPreship(['--watch', '--quiet', '--', process.execPath, script], {}, folder)
    let shown = ''
    child.stdout?.on('data', text => {
      shown += text
    })
    const until = async (pattern: RegExp) => {
      for (let n = 0; n < 400 && !pattern.test(shown); n += 1) await delay(50)
      expect(shown).toMatch(pattern)
    }
    await until(/narrow tools[\s\S]* s\n$/)
    writeFileSync(script, source('[HARMLESS, null]'))
    await until(/changes since the last run:[\s\S]*\+ warning NOT_A_TOOL/)
    expect(shown).not.toContain('\u001b')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    expect(existsSync(join(folder, 'preship.lock.json'))).toBe(false)
  })
})
