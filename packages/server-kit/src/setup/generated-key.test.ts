import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fileWith, tempFolder } from '../../test/setup/temp-folder.ts'
import { readGeneratedKey } from './generated-key.ts'

/** What another process does right before a key is linked to its place. */
const interference = vi.hoisted(() => ({ beforeLink: (_file: string): void => {} }))

vi.mock('node:fs', async importOriginal => {
  const actual = await importOriginal<typeof import('node:fs')>()
  const linkSync: typeof actual.linkSync = (from, to) => {
    interference.beforeLink(String(to))
    actual.linkSync(from, to)
  }
  return { ...actual, linkSync }
})

beforeEach(() => {
  interference.beforeLink = () => {}
})

describe('a generated key', () => {
  it(`${verifies('P5')} has 32 random bytes, in a file and a folder for its owner alone`, () => {
    const file = join(tempFolder(), 'state', 'deep', 'audit.key')
    const key = readGeneratedKey(file)
    expect(key).toMatch(/^[0-9a-f]{64}\n$/)
    expect(readFileSync(file, 'utf8')).toBe(key)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
    expect(statSync(dirname(dirname(file))).mode & 0o777).toBe(0o700)
    expect(readdirSync(dirname(file))).toEqual(['audit.key'])
    expect(readGeneratedKey(join(tempFolder(), 'audit.key'))).not.toBe(key)
  })

  it('is found again', () => {
    const file = join(tempFolder(), 'audit.key')
    expect(readGeneratedKey(file)).toBe(readGeneratedKey(file))
    for (const content of ['', 'not a key', 'a key of somebody’s own\n'])
      expect(readGeneratedKey(fileWith(content))).toBe(content)
  })

  it('is generated even if an earlier start was cut short: in a container, each start has the same process id', () => {
    const file = join(tempFolder(), 'audit.key')
    writeFileSync(`${file}.${process.pid}`, 'half a k')
    chmodSync(`${file}.${process.pid}`, 0o600)
    expect(readGeneratedKey(file)).toMatch(/^[0-9a-f]{64}\n$/)
  })

  it('is the one of another process if that one was first', () => {
    const file = join(tempFolder(), 'audit.key')
    interference.beforeLink = path => writeFileSync(path, 'the other’s key\n')
    expect(readGeneratedKey(file)).toBe('the other’s key\n')
    expect(readdirSync(dirname(file))).toEqual(['audit.key'])
  })

  it('cannot be had where none can be kept, and leaves nothing behind', () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'file'), '')
    expect(() => readGeneratedKey(join(folder, 'file', 'audit.key'))).toThrow(/ENOTDIR|EEXIST/)
    mkdirSync(join(folder, 'folder'))
    expect(() => readGeneratedKey(join(folder, 'folder'))).toThrow('EISDIR')
    interference.beforeLink = () => {
      throw Object.assign(new Error('EPERM: hard links are not supported'), { code: 'EPERM' })
    }
    expect(() => readGeneratedKey(join(folder, 'audit.key'))).toThrow('EPERM')
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder'])
  })

  it('is one and the same for ten processes that start at once', async () => {
    const file = join(tempFolder(), 'state', 'audit.key')
    const program = fileURLToPath(new URL('../../test/setup/key-reader.ts', import.meta.url))
    const time = String(Date.now() + 1500)
    const run = () => promisify(execFile)(process.execPath, [program, file, time])
    const keys = await Promise.all(Array.from({ length: 10 }, async () => (await run()).stdout))
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toBe(readFileSync(file, 'utf8'))
    expect(readdirSync(dirname(file))).toEqual(['audit.key'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })
})
