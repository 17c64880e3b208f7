import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { GROWING_STEPS, WHOLE } from '../../test/legitimate-drafts.ts'
import { runs, start, tempFolder, thrownBy } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { openDraftsFolder } from './drafts-folder.ts'
import { NotADraftError } from './errors.ts'
import { readOnce } from './read-once.ts'

const FLIPPER = new URL('../../test/flipper.ts', import.meta.url)
const ROOT_FLIPPER = new URL('../../test/root-flipper.ts', import.meta.url)
/** Long, because the machine may be busy. */
const TIMEOUT_MS = 300_000
const SECRET = 'the secret outside the folder\n'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Why a file is not read. */
function refusalOf(path: string, maxBytes = 100): string {
  const error = thrownBy(() => readOnce(path, 'name.md', maxBytes))
  expect(error).toBeInstanceOf(NotADraftError)
  expect((error as NotADraftError).filename).toBe('name.md')
  return (error as NotADraftError).reason
}

describe('readOnce', () => {
  it('returns the bytes and the modification time of a file', () => {
    const path = join(tempFolder(), 'a.md')
    writeFileSync(path, 'a draft')
    utimesSync(path, 1_700_000_000, 1_700_000_000)
    const { bytes, modifiedAt } = readOnce(path, 'name.md', 100)
    expect(bytes.toString()).toBe('a draft')
    expect(modifiedAt).toEqual(new Date(1_700_000_000_000))
  })

  it(`${verifies('P3')} reads a file of the largest size and refuses one byte more`, () => {
    const path = join(tempFolder(), 'a.md')
    writeFileSync(path, 'abc')
    expect(readOnce(path, 'name.md', 3).bytes.toString()).toBe('abc')
    expect(refusalOf(path, 2)).toBe('too-large')
    writeFileSync(path, '')
    expect(readOnce(path, 'name.md', 0).bytes).toHaveLength(0)
  })

  it(`${verifies('P3')} refuses a symbolic link, a FIFO, a folder, a socket and a device`, async () => {
    const folder = tempFolder()
    const at = (name: string): string => join(folder, name)
    writeFileSync(at('real'), 'real')
    symlinkSync(at('real'), at('link'))
    symlinkSync(at('loop'), at('loop'))
    expect(runs('mkfifo', at('fifo'))).toBe(true)
    mkdirSync(at('folder'))
    const server = createServer()
    await new Promise<void>(resolve => server.listen(at('socket'), resolve))
    const reasons = ['link', 'loop', 'fifo', 'folder', 'socket'].map(name => refusalOf(at(name)))
    await new Promise(resolve => server.close(resolve))
    expect([...reasons, refusalOf('/dev/zero')]).toEqual(Array(6).fill('not-a-regular-file'))
  })

  it(`${verifies('P3')} refuses a file with two names until the other name is gone`, () => {
    const folder = tempFolder()
    const [path, other] = [join(folder, 'a.md'), join(folder, 'b.md')]
    writeFileSync(path, 'a')
    linkSync(path, other)
    expect([refusalOf(path), refusalOf(other)]).toEqual(['hard-linked', 'hard-linked'])
    unlinkSync(other)
    expect(readOnce(path, 'name.md', 100).bytes.toString()).toBe('a')
  })

  it('distinguishes a missing file from one that cannot be opened', () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'file'), '')
    symlinkSync('loop', join(folder, 'loop'))
    expect(refusalOf(join(folder, 'nowhere'))).toBe('missing')
    expect(refusalOf(join(folder, 'nowhere', 'a.md'))).toBe('missing')
    expect(refusalOf(join(folder, 'file', 'a.md'))).toBe('unreadable')
    expect(refusalOf(join(folder, 'x'.repeat(300)))).toBe('unreadable')
  })

  it('closes its handles, whether the file is read or refused', context => {
    context.skip(process.platform !== 'linux', 'only Linux lists open handles')
    const folder = tempFolder()
    const path = join(folder, 'a.md')
    writeFileSync(path, 'abc')
    const open = (): number => readdirSync('/proc/self/fd').length
    const before = open()
    for (let index = 0; index < 50; index += 1) {
      readOnce(path, 'name.md', 100)
      refusalOf(path, 2)
      refusalOf(folder)
    }
    // The process may open or close a few others in the meantime.
    expect(open() - before).toBeLessThan(25)
  })
})

/** Repeats a read until it was repeated often enough, and lets the test runner do its work in between. */
async function repeat(times: number, until: () => boolean, read: () => void): Promise<void> {
  for (let index = 0; index < times || !until(); index += 1) {
    read()
    if (index % 500 === 0) await setImmediate()
  }
}

const SWAPPED_FILE = trials('reads', { short: 5_000, full: 100_000 })
const SWAPPED_FOLDER = trials('reads', { short: 5_000, full: 50_000 })

describe('a read while a second process attacks the folder', () => {
  it(`${verifies('P3')} returns only complete drafts of a file that is swapped and grows ${SWAPPED_FILE.label}`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const folder = tempFolder()
    const root = join(folder, 'drafts')
    const secret = join(folder, 'secret.md')
    mkdirSync(root)
    writeFileSync(secret, SECRET)
    const drafts = openDraftsFolder(root)
    const legitimate = new Set(WHOLE.map(sha256))
    for (let steps = 0; steps <= GROWING_STEPS.length; steps += 1)
      legitimate.add(sha256(Buffer.concat(GROWING_STEPS.slice(0, steps))))

    const flipper = start(FLIPPER, { args: [root, secret] })
    await flipper.line()
    const outcomes = new Map<string, number>()
    const wrong = new Set<string>()
    // Each of these must have happened: on a busy machine, the flipper may be suspended for a while.
    const expected = ['read', 'not-a-regular-file', 'hard-linked']
    await repeat(
      SWAPPED_FILE.count,
      () => wrong.size > 0 || expected.every(outcome => outcomes.has(outcome)),
      () => {
        let outcome = 'read'
        try {
          const draft = drafts.read('draft.md')
          const hash = sha256(draft.bytes)
          if (draft.bytes.includes(SECRET.trim()) || !legitimate.has(hash) || hash !== draft.sha256)
            wrong.add(draft.bytes.toString())
        } catch (error) {
          if (!(error instanceof NotADraftError)) throw error
          outcome = error.reason
        }
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      },
    )
    await flipper.kill()
    expect([...wrong]).toEqual([])
  })

  it(`${verifies('P3')} returns nothing from another folder that is put in its place ${SWAPPED_FOLDER.label}`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const folder = tempFolder()
    const root = join(folder, 'drafts')
    const other = join(folder, 'other')
    for (const [path, content] of Object.entries({ [root]: 'a draft', [other]: SECRET })) {
      mkdirSync(path)
      writeFileSync(join(path, 'draft.md'), content)
    }
    const drafts = openDraftsFolder(root)
    const flipper = start(ROOT_FLIPPER, { args: [root, other] })
    await flipper.line()
    const read = new Set<string>()
    const refusals = new Set<string>()
    await repeat(
      SWAPPED_FOLDER.count,
      () => read.size > 0 && refusals.size > 0,
      () => {
        try {
          read.add(drafts.read('draft.md').bytes.toString())
        } catch (error) {
          refusals.add(error instanceof NotADraftError ? error.reason : String(error))
        }
      },
    )
    await flipper.kill()
    expect([...read]).toEqual(['a draft'])
    expect([...refusals].filter(refusal => refusal.includes('/'))).toEqual([])
  })
})
