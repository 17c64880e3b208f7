import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, relative } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { runs, start, tempFolder, thrownBy } from '../../test/support.ts'
import { trials } from '../../test/trials.ts'
import { type DraftsFolder, openDraftsFolder } from './drafts-folder.ts'
import { type DraftRefusal, DraftsRootError, NotADraftError } from './errors.ts'

const READER = new URL('../../test/reader.ts', import.meta.url)
const SECRET = 'the secret outside the folder'
const GENERATED = trials('names', { short: 1_000, full: 5_000 })

// Some tests replace a single call. All others reach the file system.
vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  return { ...fs, readdirSync: vi.fn(fs.readdirSync) as unknown as typeof fs.readdirSync }
})

interface Fixture {
  /** The drafts folder. */
  readonly root: string
  /** A file beside the drafts folder. */
  readonly secret: string
  readonly drafts: DraftsFolder
  readonly at: (name: string) => string
}

function fixture(options?: { maxBytes?: number }): Fixture {
  const folder = tempFolder()
  const root = join(folder, 'drafts')
  const secret = join(folder, 'secret.md')
  mkdirSync(root)
  writeFileSync(secret, SECRET)
  return { root, secret, drafts: openDraftsFolder(root, options), at: name => join(root, name) }
}

function put(path: string, content: string | Buffer, modified?: number): void {
  writeFileSync(path, content)
  if (modified !== undefined) utimesSync(path, modified, modified)
}

/** Expects that a name is refused for this reason, and that the error contains no path. */
function expectRefusal({ drafts, root }: Fixture, filename: string, reason: DraftRefusal): void {
  const error = thrownBy(() => drafts.read(filename))
  expect(error).toBeInstanceOf(NotADraftError)
  expect(error).toMatchObject({ name: 'NotADraftError', reason })
  // If the whole folder is missing, the error names no file.
  const names = reason === 'missing' ? [filename, undefined] : [reason === 'bad-name' ? undefined : filename]
  expect(names.map(name => name?.normalize('NFC'))).toContain((error as NotADraftError).filename)
  expectNoPath(error, root)
}

function expectNoPath(error: Error, root: string): void {
  for (const text of [error.message, error.stack?.split('\n')[0] ?? '', String(error)]) {
    expect(text).not.toContain(root)
    expect(text).not.toContain(dirname(root))
  }
  expect(error.cause).toBeUndefined()
}

async function listed(drafts: DraftsFolder, limit = 100): Promise<{ names: string[]; omitted: number }> {
  const { entries, omitted } = await drafts.list(limit, draft => draft.filename)
  return { names: entries, omitted }
}

describe('read', () => {
  it('returns the bytes, hash and modification time of a file', () => {
    const { drafts, at } = fixture()
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x00, 0xff, 0x0d, 0x0a, 0x41])
    put(at('a.md'), bytes, 1_700_000_000)
    const draft = drafts.read('a.md')
    expect(draft.filename).toBe('a.md')
    expect(draft.bytes.equals(bytes)).toBe(true)
    expect(draft.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(draft.modifiedAt).toEqual(new Date(1_700_000_000_000))
  })

  it('returns an empty file', () => {
    const { drafts, at } = fixture()
    put(at('a.md'), '')
    expect(drafts.read('a.md')).toMatchObject({ bytes: Buffer.alloc(0), sha256: createHash('sha256').digest('hex') })
  })

  it(`${verifies('P3')} refuses a symbolic link, whatever its target`, async () => {
    const given = fixture()
    const { root, secret, at } = given
    put(at('real.md'), 'real')
    mkdirSync(at('folder'))
    const targets: Record<string, string> = {
      'outside.md': secret,
      'relative.md': relative(root, secret),
      'dangling.md': join(root, 'nowhere'),
      'directory.md': at('folder'),
      'inside.md': 'real.md',
      'itself.md': 'itself.md',
      'passwd.md': '/etc/passwd',
    }
    for (const [name, target] of Object.entries(targets)) symlinkSync(target, at(name))
    for (const name of Object.keys(targets)) expectRefusal(given, name, 'not-a-regular-file')
    expect(await listed(given.drafts)).toEqual({ names: ['real.md'], omitted: 7 })
  })

  it(`${verifies('P3')} refuses a hard link to an outside file until the other name is removed`, async () => {
    const given = fixture()
    linkSync(given.secret, given.at('a.md'))
    expectRefusal(given, 'a.md', 'hard-linked')
    expect(await listed(given.drafts)).toEqual({ names: [], omitted: 1 })
    unlinkSync(given.secret)
    expect(given.drafts.read('a.md').bytes.toString()).toBe(SECRET)
  })

  it(`${verifies('P3')} refuses a FIFO without waiting for a writer`, async () => {
    const given = fixture()
    expect(runs('mkfifo', given.at('a.md'))).toBe(true)
    expectRefusal(given, 'a.md', 'not-a-regular-file')
    expect(await listed(given.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} refuses a folder`, async () => {
    const given = fixture()
    mkdirSync(given.at('a.md'))
    put(join(given.at('a.md'), 'b.md'), 'below')
    expectRefusal(given, 'a.md', 'not-a-regular-file')
    expectRefusal(given, 'a.md/b.md', 'bad-name')
    expect(await listed(given.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} refuses a character device`, context => {
    const given = fixture()
    context.skip(!runs('mknod', given.at('a.md'), 'c', '1', '5'), 'only root can make a device')
    expectRefusal(given, 'a.md', 'not-a-regular-file')
  })

  it(`${verifies('P3')} refuses a link to a device`, () => {
    const given = fixture()
    symlinkSync('/dev/zero', given.at('a.md'))
    expectRefusal(given, 'a.md', 'not-a-regular-file')
  })

  it(`${verifies('P3')} refuses a Unix socket`, async () => {
    const given = fixture()
    const server = createServer()
    await new Promise<void>(resolve => server.listen(given.at('a.md'), resolve))
    try {
      expectRefusal(given, 'a.md', 'not-a-regular-file')
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  })

  it(`${verifies('P3')} refuses a sparse file of 3 GB without reading it`, async () => {
    const given = fixture()
    put(given.at('a.md'), '')
    truncateSync(given.at('a.md'), 3_000_000_000)
    expectRefusal(given, 'a.md', 'too-large')
    expect(await listed(given.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} reads a file of the largest size and refuses one byte more`, () => {
    const standard = fixture()
    put(standard.at('a.md'), Buffer.alloc(1024 * 1024, 97))
    put(standard.at('b.md'), Buffer.alloc(1024 * 1024 + 1, 97))
    expect(standard.drafts.read('a.md').bytes).toHaveLength(1024 * 1024)
    expectRefusal(standard, 'b.md', 'too-large')
    const small = fixture({ maxBytes: 3 })
    put(small.at('a.md'), 'abc')
    put(small.at('b.md'), 'abcd')
    expect(small.drafts.read('a.md').bytes.toString()).toBe('abc')
    expectRefusal(small, 'b.md', 'too-large')
  })

  it('reports that a deleted file is missing', () => {
    const given = fixture()
    put(given.at('a.md'), 'a')
    expect(given.drafts.read('a.md').bytes.toString()).toBe('a')
    unlinkSync(given.at('a.md'))
    expectRefusal(given, 'a.md', 'missing')
    expect(thrownBy(() => given.drafts.read('a.md')).message).toBe('“a.md”: the drafts folder has no such file')
  })

  it(`${verifies('P3')} counts a file that is deleted during a listing as omitted`, async () => {
    const { drafts, at } = fixture()
    put(at('new.md'), 'new', 2000)
    put(at('old.md'), 'old', 1000)
    const { entries, omitted } = await drafts.list(10, draft => {
      rmSync(at('old.md'), { force: true })
      return draft.filename
    })
    expect({ entries, omitted }).toEqual({ entries: ['new.md'], omitted: 1 })
  })

  it('omits a file that is deleted just after the folder was listed', async () => {
    const { drafts, at } = fixture()
    put(at('b.md'), 'b', 1000)
    vi.mocked(readdirSync).mockReturnValueOnce(['a.md', 'b.md'] as never)
    expect(await listed(drafts)).toEqual({ names: ['b.md'], omitted: 1 })
  })

  it('reports that a file without read permission is unreadable, and counts it as omitted', async () => {
    const { root, at } = fixture()
    put(at('a.md'), 'closed')
    put(at('b.md'), 'open')
    chmodSync(at('a.md'), 0)
    const { read, list } = JSON.parse(await start(READER, { args: [root, 'a.md'] }).line())
    expect(read).toEqual({
      name: 'NotADraftError',
      reason: 'unreadable',
      message: '“a.md”: the file cannot be read',
    })
    expect(list).toEqual({ value: { entries: ['b.md'], omitted: 1 } })
  })
})

describe('the drafts folder', () => {
  it(`${verifies('P3')} is not read if another folder was put in its place`, async () => {
    const given = fixture()
    put(given.at('a.md'), 'mine')
    renameSync(given.root, `${given.root}.old`)
    mkdirSync(given.root)
    put(given.at('a.md'), SECRET)
    expectRefusal(given, 'a.md', 'missing')
    await expect(listed(given.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} is not read if a link was put in its place`, async () => {
    const given = fixture()
    const other = `${given.root}.other`
    put(given.at('a.md'), 'mine')
    mkdirSync(other)
    put(join(other, 'a.md'), SECRET)
    renameSync(given.root, `${given.root}.old`)
    symlinkSync(other, given.root)
    expectRefusal(given, 'a.md', 'missing')
    await expect(listed(given.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} is the one that was opened, even if another takes its place during a listing`, async context => {
    context.skip(process.platform !== 'linux', 'only Linux has a path through an open handle')
    const { root, drafts, at } = fixture()
    const other = `${root}.other`
    mkdirSync(other)
    put(join(other, 'a.md'), SECRET)
    for (const name of ['a.md', 'b.md']) put(at(name), `my ${name}`, 1000)
    const swap = (path: string): string[] => {
      renameSync(root, `${root}.old`)
      renameSync(other, root)
      return readdirSync(path)
    }
    vi.mocked(readdirSync).mockImplementationOnce(swap as never)
    const { entries } = await drafts.list(10, draft => draft.bytes.toString())
    expect(entries).toEqual(['my a.md', 'my b.md'])
  })

  it(`${verifies('P3')} is not read after it was deleted`, async () => {
    const given = fixture()
    rmSync(given.root, { recursive: true })
    expectRefusal(given, 'a.md', 'missing')
    await expect(listed(given.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} remains the folder that a link led to when it was opened`, () => {
    const { root, secret, at } = fixture()
    put(at('a.md'), 'mine')
    const link = `${root}.link`
    symlinkSync(root, link)
    const drafts = openDraftsFolder(link)
    symlinkSync(dirname(secret), `${link}.new`)
    renameSync(`${link}.new`, link)
    expect(drafts.read('a.md').bytes.toString()).toBe('mine')
    expect(() => drafts.read('secret.md')).toThrow(NotADraftError)
  })

  it('reveals no path if a parent folder is replaced by a loop of links', async () => {
    const given = fixture()
    const blocked = dirname(given.root)
    renameSync(blocked, `${blocked}.moved`)
    try {
      symlinkSync(blocked, blocked)
      expectNoPath(
        thrownBy(() => given.drafts.read('a.md')),
        given.root,
      )
      const error = await listed(given.drafts).catch((reason: Error) => reason)
      expect(error).toBeInstanceOf(NotADraftError)
      expectNoPath(error as Error, given.root)
    } finally {
      rmSync(blocked, { force: true })
      renameSync(`${blocked}.moved`, blocked)
    }
  })

  it('reveals no path if its entries can be listed but not accessed', async () => {
    const { root, at } = fixture()
    put(at('a.md'), 'a')
    chmodSync(root, 0o444)
    try {
      const { read, list } = JSON.parse(await start(READER, { args: [root, 'a.md'] }).line())
      expect(read).toMatchObject({ name: 'NotADraftError', reason: 'unreadable' })
      expect(JSON.stringify(list)).not.toContain(root)
    } finally {
      chmodSync(root, 0o755)
    }
  })

  it('is not opened if it is missing, a file, writable by everybody or unreadable, or if its path is relative', async () => {
    const { root, secret } = fixture()
    const refused = (path: string): Error => {
      const error = thrownBy(() => openDraftsFolder(path))
      expect(error).toBeInstanceOf(DraftsRootError)
      // The operator needs the path.
      expect(error.message).toContain(path)
      return error
    }
    expect(refused(join(root, 'nowhere')).message).toContain('does not exist')
    expect(refused(relative(process.cwd(), root)).message).toContain('absolute')
    expect(refused('drafts').message).toContain('absolute')
    expect(refused('').message).toContain('absolute')
    expect(refused(secret).message).toContain('not a folder')
    for (const mode of [0o777, 0o1777, 0o757, 0o702]) {
      chmodSync(root, mode)
      expect(refused(root).message).toContain('writable by everybody')
    }
    chmodSync(root, 0o770)
    expect(readdirSync(root)).toEqual([])
    expect(() => openDraftsFolder(root)).not.toThrow()
    chmodSync(root, 0)
    await expect(start(READER, { args: [root, 'a.md'] }).line()).rejects.toThrow(/DraftsRootError.*cannot be read/s)
    chmodSync(root, 0o755)
  })
})

describe('the name of a draft', () => {
  const NFC = 'Café Zürich 각.md'.normalize('NFC')
  const NFD = NFC.normalize('NFD')

  it('may be given in either Unicode spelling, and is reported in NFC', async () => {
    for (const spelling of [NFC, NFD]) {
      const { root, drafts, at } = fixture()
      put(at(spelling), spelling)
      // On a file system that normalises names, both spellings are the same.
      expect(readdirSync(root)[0]?.normalize('NFC')).toBe(NFC)
      for (const asked of [NFC, NFD])
        expect(drafts.read(asked)).toMatchObject({ filename: NFC, bytes: Buffer.from(spelling) })
      expect(await listed(drafts)).toEqual({ names: [NFC], omitted: 0 })
    }
  })

  it(`${verifies('P3')} is refused if it exists in two spellings`, async context => {
    const given = fixture()
    put(given.at(NFC), 'one')
    put(given.at(NFD), 'two')
    context.skip(readdirSync(given.root).length === 1, 'this file system normalises names')
    expectRefusal(given, NFC, 'ambiguous')
    expectRefusal(given, NFD, 'ambiguous')
    put(given.at('other.md'), 'other')
    expect(await listed(given.drafts)).toEqual({ names: ['other.md'], omitted: 2 })
  })

  it(`${verifies('P3')} is refused without listing the folder if it is invalid, and the error does not repeat it`, () => {
    const given = fixture()
    const names = [
      '../secret.md',
      given.secret,
      'a\0.md',
      '.hidden.md',
      'CON.md',
      'a\u202e.md',
      'x'.repeat(300),
      'a.MD',
    ]
    vi.mocked(readdirSync).mockClear()
    for (const name of names) {
      expectRefusal(given, name, 'bad-name')
      const error = thrownBy(() => given.drafts.read(name))
      expect(error.message).toBe('this is not a valid name for a draft')
      expect((error as NotADraftError).filename).toBeUndefined()
    }
    expect(readdirSync).not.toHaveBeenCalled()
  })

  it(`${verifies('P3')} is refused if it is invalid, even if such a file exists`, async () => {
    const given = fixture()
    const names = ['.hidden.md', 'con.md', 'a\u202eb.md', 'a\u200bb.md', "what's new.md", 'back\\slash.md', 'a\nb.md']
    for (const name of names) {
      put(given.at(name), name)
      expectRefusal(given, name, 'bad-name')
    }
    for (const name of ['UPPER.MD', 'note.txt', 'note.md.bak', 'no-extension']) put(given.at(name), name)
    put(given.at('good.md'), 'good')
    expect(await listed(given.drafts)).toEqual({ names: ['good.md'], omitted: names.length })
  })

  it(`${verifies('P3')} leads only to files of the folder ${GENERATED.label}`, () => {
    const { drafts, at } = fixture()
    const contents = new Map(
      ['alpha.md', 'Ünïcode.md', '각.md', 'a b (1).md'].map(name => [name.normalize('NFC'), name]),
    )
    for (const name of contents.values()) put(at(name), name)
    put(at('.hidden.md'), SECRET)
    mkdirSync(at('sub'))
    put(join(at('sub'), 'below.md'), SECRET)
    const known = fc.constantFrom(...contents.keys())
    const piece = fc.oneof(
      fc.constantFrom(
        '',
        '.',
        '..',
        '/',
        '\\',
        '../',
        './',
        '\0',
        '\u0301',
        '\u200d',
        '\u3164',
        '\ufe0f',
        '\ud800',
        ' ',
      ),
      fc.constantFrom('../secret.md', 'sub/below.md', '.hidden.md', 'secret.md', '%2e%2e/', 'C:'),
      fc.string({ unit: 'binary', maxLength: 6 }),
    )
    const name = fc.oneof(
      fc.tuple(piece, known, piece).map(parts => parts.join('')),
      fc.tuple(known, fc.constantFrom('NFC', 'NFD', 'NFKC', 'NFKD')).map(([text, form]) => text.normalize(form)),
      fc.tuple(known, piece, fc.nat(20)).map(([text, more, index]) => text.slice(0, index) + more + text.slice(index)),
      fc.array(piece, { maxLength: 5 }).map(parts => parts.join('')),
      known.map(text => text.toUpperCase()),
    )
    let found = 0
    fc.assert(
      fc.property(name, filename => {
        try {
          const draft = drafts.read(filename)
          found += 1
          expect(draft.filename).toBe(filename.normalize('NFC'))
          expect(draft.bytes.toString()).toBe(contents.get(draft.filename))
        } catch (error) {
          if (!(error instanceof NotADraftError)) throw error
          expect(contents.has(filename.normalize('NFC'))).toBe(false)
        }
      }),
      { numRuns: GENERATED.count },
    )
    expect(found).toBeGreaterThan(GENERATED.count / 20)
  })
})

describe('list', () => {
  it('describes the newest drafts first, up to the limit, and counts the others', async () => {
    const { drafts, at } = fixture()
    for (const [index, name] of ['c.md', 'a.md', 'e.md', 'b.md', 'd.md'].entries()) put(at(name), name, 1000 + index)
    expect(await listed(drafts)).toEqual({ names: ['d.md', 'b.md', 'e.md', 'a.md', 'c.md'], omitted: 0 })
    expect(await listed(drafts, 2)).toEqual({ names: ['d.md', 'b.md'], omitted: 3 })
    expect(await listed(drafts, 5)).toEqual({ names: ['d.md', 'b.md', 'e.md', 'a.md', 'c.md'], omitted: 0 })
    expect(await listed(drafts, 0)).toEqual({ names: [], omitted: 5 })
  })

  it('orders drafts with the same modification time by name', async () => {
    const { drafts, at } = fixture()
    for (const name of ['b.md', 'a.md', 'c.md']) put(at(name), name, 1000)
    expect((await listed(drafts)).names).toEqual(['a.md', 'b.md', 'c.md'])
  })

  it(`${verifies('P3')} describes each draft with the bytes that read returns`, async () => {
    const { drafts, at } = fixture()
    for (const name of ['a.md', 'b.md', 'c.md']) put(at(name), `content of ${name}`)
    const { entries } = await drafts.list(10, draft => draft)
    expect(entries.map(draft => draft.filename).sort()).toEqual(['a.md', 'b.md', 'c.md'])
    for (const draft of entries) {
      expect(draft).toEqual(drafts.read(draft.filename))
      expect(draft.bytes.toString()).toBe(`content of ${draft.filename}`)
      expect(draft.sha256).toBe(createHash('sha256').update(draft.bytes).digest('hex'))
    }
  })

  it(`${verifies('P3')} finds the drafts among entries that are not drafts, and counts those`, async () => {
    const { drafts, root, secret, at } = fixture({ maxBytes: 100 })
    // These are newer than the drafts, so they come first.
    for (let index = 0; index < 20; index += 1) symlinkSync(secret, at(`link ${index}.md`))
    linkSync(secret, at('hard.md'))
    mkdirSync(at('folder.md'))
    expect(runs('mkfifo', at('fifo.md'))).toBe(true)
    put(at('large.md'), Buffer.alloc(101))
    put(at('.dot.md'), 'dot')
    put(at('ignored.txt'), 'no draft')
    put(at('good.md'), 'good', 1000)
    put(at('fine.md'), 'fine', 2000)
    expect(readdirSync(root)).toHaveLength(28)
    expect(await listed(drafts, 2)).toEqual({ names: ['fine.md', 'good.md'], omitted: 25 })
    expect(await listed(drafts, 1)).toEqual({ names: ['fine.md'], omitted: 26 })
  })

  it(`${verifies('P3')} counts a name that is not UTF-8 and does not read it`, async context => {
    const given = fixture()
    try {
      writeFileSync(
        Buffer.concat([Buffer.from(`${given.root}/bad`), Buffer.from([0xff, 0xc3]), Buffer.from('.md')]),
        'x',
      )
    } catch {
      context.skip('this file system takes UTF-8 names only')
    }
    put(given.at('good.md'), 'good')
    expect(await listed(given.drafts)).toEqual({ names: ['good.md'], omitted: 1 })
    expectRefusal(given, 'bad\ufffd\ufffd.md', 'bad-name')
  })

  it('leaves out a draft that describe returns undefined for, and goes on to the next', async () => {
    const { drafts, at } = fixture()
    for (const [index, name] of ['a.md', 'b.md', 'c.md'].entries()) put(at(name), name, 1000 + index)
    const { entries, omitted } = await drafts.list(2, ({ filename }) => (filename === 'c.md' ? undefined : filename))
    expect({ entries, omitted }).toEqual({ entries: ['b.md', 'a.md'], omitted: 1 })
  })

  it('rejects with the error that describe throws', async () => {
    const { drafts, at } = fixture()
    put(at('a.md'), 'a')
    await expect(
      drafts.list(1, () => {
        throw new RangeError('of the caller')
      }),
    ).rejects.toThrow(new RangeError('of the caller'))
  })

  it('lets other work run between two drafts', async () => {
    const { drafts, at } = fixture()
    for (const name of ['a.md', 'b.md', 'c.md']) put(at(name), name)
    const order: string[] = []
    const list = drafts.list(3, draft => order.push(draft.filename))
    setImmediate(() => order.push('other work'))
    await list
    expect(order.slice(1, -1)).toContain('other work')
  })
})
