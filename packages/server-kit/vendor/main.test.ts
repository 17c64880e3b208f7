import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { fixtureRepository } from './fixture-repository.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const BETA = 'servers/beta/src/vendored'

/** A fixture with the command in its usual place, as that tells it which repository it works on. */
function withCommand() {
  const repository = fixtureRepository()
  const folder = repository.at('packages/server-kit/vendor')
  mkdirSync(folder)
  for (const name of readdirSync(HERE).filter(file => file.endsWith('.ts')))
    copyFileSync(join(HERE, name), join(folder, name))
  const run = (...args: string[]) => {
    const options = { cwd: tmpdir(), encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.ts'), ...args], options)
    return { status, stdout, stderr }
  }
  return { ...repository, run }
}

describe('pnpm vendor', () => {
  it('updates, checks and compares from any folder', () => {
    const { run, write } = withCommand()
    expect(run('--check')).toMatchObject({ status: 1, stdout: '' })
    expect(run()).toEqual({
      status: 0,
      stdout:
        'alpha: 12 files copied, 0 removed (version 0.1.0, full)\n' +
        'beta: 9 files copied, 0 removed (version 0.1.0, reader)\n',
      stderr: '',
    })
    expect(run('--check', 'beta')).toEqual({
      status: 0,
      stdout: 'beta: 9 files are as vendored (version 0.1.0, reader)\n',
      stderr: '',
    })
    expect(run('--diff', 'beta')).toEqual({ status: 0, stdout: 'beta: an update would change nothing\n', stderr: '' })

    write('packages/server-kit/src/call/input.ts', 'better\n')
    const behind = run('--check', 'beta')
    expect(behind).toMatchObject({ status: 0, stderr: '' })
    expect(behind.stdout).toContain('beta: is behind the kit')
    expect(behind.stdout).toContain('changed: call/input.ts')
    const diff = run('--diff', 'beta')
    expect(diff).toMatchObject({ status: 0, stderr: '' })
    expect(diff.stdout).toContain('+better\n')
  })

  it('fails at a change by hand until it is forced', () => {
    const { run, write, read } = withCommand()
    run()
    write(`${BETA}/call/input.ts`, 'mine\n')
    const check = run('--check')
    expect(check).toMatchObject({ status: 1, stdout: 'alpha: 12 files are as vendored (version 0.1.0, full)\n' })
    expect(check.stderr).toContain(`${BETA}/call/input.ts: was changed`)
    const update = run()
    expect(update).toMatchObject({ status: 1, stdout: 'alpha: is up to date (version 0.1.0, full)\n' })
    expect(update.stderr).toContain(`${BETA}/call/input.ts: was changed by hand`)
    expect(run('--diff', 'beta')).toMatchObject({ status: 0, stderr: '' })
    expect(run('--force')).toMatchObject({ status: 2 })
    expect(read(`${BETA}/call/input.ts`)).toBe('mine\n')
    expect(run('--force', 'beta')).toMatchObject({ status: 0, stderr: '' })
    expect(read(`${BETA}/call/input.ts`)).toBe('first\r\nsecond\n')
    expect(run('--check')).toMatchObject({ status: 0 })
  })

  it('tells of a kit that cannot be read, or a folder that cannot be compared, without a stack', () => {
    const { run, write, remove } = withCommand()
    write(`${BETA}/vendored.json`, '{')
    expect(run('--diff', 'beta')).toEqual({
      status: 1,
      stdout: '',
      stderr: `${BETA}/vendored.json: it is not JSON\n`,
    })
    remove('tsup.base.ts')
    expect(run()).toEqual({ status: 1, stdout: '', stderr: 'tsup.base.ts is missing or cannot be read\n' })
  })

  it.each([
    '--unknown',
    '--check --diff beta',
    '--check --force',
    '--diff',
    '--diff alpha beta',
    'gamma',
    '../servers/beta',
    '--check gamma',
  ])('explains its usage at %s', words => {
    const { run, places } = withCommand()
    const { status, stdout, stderr } = run(...words.split(' '))
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('pnpm vendor --diff server')
    expect(places('alpha')).toEqual([])
  })

  it('shows its help', () => {
    const { status, stdout, stderr } = withCommand().run('--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('pnpm vendor --check [server…]')
  })
})
