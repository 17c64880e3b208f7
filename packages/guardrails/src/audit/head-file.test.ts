import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { tempFolder, thrownBy } from '../../test/support.ts'
import { formatHead, openHeadFile, readHead } from './head-file.ts'

// Some tests replace a single call. All others reach the file system.
vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const { closeSync, fdatasyncSync, writeSync } = fs
  return {
    ...fs,
    closeSync: vi.fn(closeSync),
    fdatasyncSync: vi.fn(fdatasyncSync),
    writeSync: vi.fn(writeSync) as unknown as typeof writeSync,
  }
})

const HEAD = { seq: 7, mac: 'ab'.repeat(32) }

describe('formatHead', () => {
  it('gives every head the same length', () => {
    expect(formatHead(HEAD)).toBe(`0000000000000007 ${HEAD.mac}\n`)
    expect(formatHead({ ...HEAD, seq: Number.MAX_SAFE_INTEGER })).toBe(`9007199254740991 ${HEAD.mac}\n`)
  })
})

describe('a head file', () => {
  beforeEach(() => void vi.clearAllMocks())

  it('is created for its owner only', () => {
    const path = join(tempFolder(), 'head')
    openHeadFile(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it(`${verifies('P10')} keeps its head when it is opened again`, () => {
    const path = join(tempFolder(), 'head')
    writeFileSync(path, formatHead(HEAD))
    openHeadFile(path).close()
    expect(readHead(path)).toEqual(HEAD)
  })

  it(`${verifies('P10')} contains the last head that was written, and nothing else`, () => {
    const path = join(tempFolder(), 'head')
    const file = openHeadFile(path)
    for (const seq of [1, 22, 333]) {
      file.write({ ...HEAD, seq })
      expect(readFileSync(path, 'utf8')).toBe(formatHead({ ...HEAD, seq }))
    }
    file.close()
  })

  it(`${verifies('P8', 'P10')} throws if the head is only partly written`, () => {
    const file = openHeadFile(join(tempFolder(), 'head'))
    for (const bytes of [0, 1, 81]) {
      vi.mocked(writeSync).mockReturnValueOnce(bytes)
      expect(thrownBy(() => file.write(HEAD)).message).toBe('the audit head was only partly written')
    }
    expect(() => file.write(HEAD)).not.toThrow()
    file.close()
  })

  it('is flushed to the disk by sync, and closed once', () => {
    const file = openHeadFile(join(tempFolder(), 'head'))
    file.write(HEAD)
    const fd = vi.mocked(writeSync).mock.calls[0]?.[0]
    expect(fdatasyncSync).not.toHaveBeenCalled()
    file.sync()
    expect(vi.mocked(fdatasyncSync).mock.calls).toEqual([[fd]])
    vi.mocked(closeSync).mockClear()
    file.close()
    expect(vi.mocked(closeSync).mock.calls).toEqual([[fd]])
  })
})

describe('readHead', () => {
  it('returns undefined if there is no head yet', () => {
    const path = join(tempFolder(), 'head')
    expect(readHead(path)).toBeUndefined()
    writeFileSync(path, '')
    expect(readHead(path)).toBeUndefined()
  })

  it('returns the head', () => {
    const path = join(tempFolder(), 'head')
    writeFileSync(path, formatHead(HEAD))
    expect(readHead(path)).toEqual(HEAD)
  })

  it.each([
    ['another text', 'x'],
    ['an empty line', '\n'],
    ['a short number', `7 ${HEAD.mac}\n`],
    ['a long number', `00000000000000007 ${HEAD.mac}\n`],
    ['a negative number', `-000000000000007 ${HEAD.mac}\n`],
    ['the number 0', `0000000000000000 ${HEAD.mac}\n`],
    ['a short MAC', `0000000000000007 ${HEAD.mac.slice(1)}\n`],
    ['a MAC in capitals', `0000000000000007 ${HEAD.mac.toUpperCase()}\n`],
    ['no newline', `0000000000000007 ${HEAD.mac}`],
    ['two newlines', `0000000000000007 ${HEAD.mac}\n\n`],
    ['a second head', formatHead(HEAD).repeat(2)],
  ])(`${verifies('P10')} throws if the file holds %s`, (_, text) => {
    const path = join(tempFolder(), 'head')
    writeFileSync(path, text)
    expect(thrownBy(() => readHead(path)).message).toBe(`not an audit head: ${path}`)
  })

  it(`${verifies('P8', 'P10')} throws if the file exists but cannot be read`, () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'folder'))
    symlinkSync('loop', join(folder, 'loop'))
    expect(thrownBy(() => readHead(join(folder, 'folder')))).toMatchObject({ code: 'EISDIR' })
    expect(thrownBy(() => readHead(join(folder, 'loop')))).toMatchObject({ code: 'ELOOP' })
  })
})
