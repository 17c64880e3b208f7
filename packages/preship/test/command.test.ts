import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { preship, startPreship } from './preship.ts'

const folders: string[] = []
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preship-command-'))
  folders.push(folder)
})
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true })
})

function fixture(name: string): string {
  return fileURLToPath(new URL(`hostile/${name}.mjs`, import.meta.url))
}

function run(words: readonly string[], env: Record<string, string> = {}) {
  return preship(words, env, folder)
}

describe('a rug pull', () => {
  it.each([
    ['description', /LOCK_CHANGED[\s\S]*getNote[\s\S]*description/],
    ['schema', /LOCK_CHANGED[\s\S]*getNote[\s\S]*input schema/],
    ['annotations', /LOCK_CHANGED[\s\S]*getNote[\s\S]*annotations/],
    ['tools', /LOCK_NEW_TOOL[\s\S]*deleteNote/],
    ['instructions', /LOCK_CHANGED[\s\S]*instructions/],
  ])('in its %s is seen, by a quick look as by an examination', async (part, says) => {
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
      expect(JSON.stringify((JSON.parse(stdout) as { findings: unknown }).findings)).toMatch(says)
    }
    // Running it again does not make it good; somebody's name does.
    await run(['lock', ...server])
    if (part !== 'tools') expect(await run(['verify', ...server])).toMatchObject({ code: 1 })
    await run(['lock', '--accept-by', 'bo', '--worst-case', 'getNote', ...server])
    expect(await run(['verify', ...server])).toMatchObject({ code: 0 })
  })
})

describe('preship', () => {
  const HONEST = ['--', process.execPath, fixture('showing-its-environment')]

  it('gives a server nothing of its own environment but PATH and HOME', async () => {
    const env = { SECRET: 'x', PASSED: 'y', PRESHIP_TOKEN: 'z' }
    const { stdout } = await run(['--format', 'json', '--env', 'PASSED', '--env', 'GIVEN=1', ...HONEST], env)
    const { server } = JSON.parse(stdout) as { server: { name: string } }
    const ofTheSystem = /^(?:__CF_|SYSTEMROOT$)/
    expect(server.name.split(' ').filter(name => !ofTheSystem.test(name))).toEqual([
      'GIVEN',
      'HOME',
      'PASSED',
      'PATH',
      'PRESHIP_RUN',
    ])
  })

  it('ends with 2 and says why, where it is not used as it should be', async () => {
    for (const [words, says] of [
      [['--nonsense'], /--nonsense/],
      [['node', 'x.js'], /behind --/],
      [['verify', ...HONEST], /no lock file/],
      [['--lock', 'none', ...HONEST], /no lock file none/],
      [['--source', 'none', ...HONEST], /--source: there is no none/],
      [['--env', 'NONE', ...HONEST], /NONE/],
      [['--token-file', 'none', 'https://a.example/mcp'], /none cannot be read/],
      [['--output', 'none/x', ...HONEST], /none\/x cannot be written/],
      [['explain', 'NONSENSE'], /NONSENSE/],
      [['lock', '--worst-case', 'other=x', ...HONEST], /no tool “other”/],
    ] as const) {
      const { code, stderr, stdout } = await run(words)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(says)
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('sends no token where others can read it', async () => {
    const url = `http://${'a.example'}/mcp`
    expect(await run([url], { PRESHIP_TOKEN: 'x' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('https'),
    })
  })

  it('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') })
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    expect(await run(['explain', 'lock_changed'])).toMatchObject({ code: 0, stdout: expect.stringContaining('why:') })
    expect((await run(['explain'])).stdout).toMatch(/^1 narrow tools\n {4}\w+ \(/)
  })

  it('writes the result where it should, and keeps quiet', async () => {
    const { stdout, stderr } = await run(['--quiet', '--format', 'sarif', '--output', 'a.sarif', ...HONEST])
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
    expect(JSON.parse(readFileSync(join(folder, 'a.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' })
    expect(readdirSync(folder)).toEqual(['a.sarif'])
  })

  it('fails at what it is told to fail at', async () => {
    await run(['lock', ...HONEST])
    expect(await run(['verify', ...HONEST])).toMatchObject({ code: 0 })
    expect(await run(['verify', '--fail-on', 'warning', ...HONEST])).toMatchObject({ code: 1 })
    expect(await run(['verify', '--strict', ...HONEST])).toMatchObject({ code: 1 })
  })

  it('hides what looks like a secret in the command', async () => {
    const { stdout } = await run([...HONEST, '--api-key=s3cret', '--token', 's3cret', 'postgres://u:s3cret@h/db'])
    expect(stdout).not.toContain('s3cret')
  })

  it('watches, and tells what is different', async () => {
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
    await until(/since the last time:[\s\S]*\+ warning NOT_A_TOOL/)
    expect(shown).not.toContain('\u001b')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    expect(existsSync(join(folder, 'preship.lock.json'))).toBe(false)
  })
})
