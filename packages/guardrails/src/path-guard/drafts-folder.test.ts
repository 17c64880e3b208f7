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
import { describe, expect, it } from 'vitest'
import { runs, start, tempFolder, thrownBy } from '../../test/support.ts'
import { type DraftsFolder, openDraftsFolder } from './drafts-folder.ts'
import { type DraftRefusal, DraftsRootError, NotADraftError } from './errors.ts'

const READER = new URL('../../test/reader.ts', import.meta.url)
const SECRET = 'the secret outside the folder'

interface World {
  /** The drafts folder. */
  readonly root: string
  /** A file beside the drafts folder. */
  readonly secret: string
  readonly drafts: DraftsFolder
  readonly at: (name: string) => string
}

function world(options?: { maxBytes?: number }): World {
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

/** That a name is refused, for this reason, in words that give no path away. */
function expectRefusal({ drafts, root }: World, filename: string, reason: DraftRefusal): void {
  const error = thrownBy(() => drafts.read(filename))
  expect(error).toBeInstanceOf(NotADraftError)
  expect(error).toMatchObject({ name: 'NotADraftError', reason })
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

describe('what stands under a name', () => {
  it('reads a regular file whole, with its hash and its time', () => {
    const { drafts, at } = world()
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x00, 0xff, 0x0d, 0x0a, 0x41])
    put(at('a.md'), bytes, 1_700_000_000)
    const draft = drafts.read('a.md')
    expect(draft.filename).toBe('a.md')
    expect(draft.bytes.equals(bytes)).toBe(true)
    expect(draft.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(draft.modifiedAt).toEqual(new Date(1_700_000_000_000))
  })

  it('reads an empty file', () => {
    const { drafts, at } = world()
    put(at('a.md'), '')
    expect(drafts.read('a.md')).toMatchObject({ bytes: Buffer.alloc(0), sha256: createHash('sha256').digest('hex') })
  })

  it(`${verifies('P3')} refuses a symbolic link, wherever it leads`, async () => {
    const here = world()
    const { root, secret, at } = here
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
    for (const name of Object.keys(targets)) expectRefusal(here, name, 'not-a-regular-file')
    expect(await listed(here.drafts)).toEqual({ names: ['real.md'], omitted: 7 })
  })

  it(`${verifies('P3')} refuses a hard link to a file outside, and reads it once the other name is gone`, async () => {
    const here = world()
    linkSync(here.secret, here.at('a.md'))
    expectRefusal(here, 'a.md', 'hard-linked')
    expect(await listed(here.drafts)).toEqual({ names: [], omitted: 1 })
    unlinkSync(here.secret)
    expect(here.drafts.read('a.md').bytes.toString()).toBe(SECRET)
  })

  it(`${verifies('P3')} refuses a FIFO without waiting for its writer`, async () => {
    const here = world()
    expect(runs('mkfifo', here.at('a.md'))).toBe(true)
    expectRefusal(here, 'a.md', 'not-a-regular-file')
    expect(await listed(here.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} refuses a folder`, async () => {
    const here = world()
    mkdirSync(here.at('a.md'))
    put(join(here.at('a.md'), 'b.md'), 'below')
    expectRefusal(here, 'a.md', 'not-a-regular-file')
    expectRefusal(here, 'a.md/b.md', 'bad-name')
    expect(await listed(here.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} refuses a character device`, context => {
    const here = world()
    context.skip(!runs('mknod', here.at('a.md'), 'c', '1', '5'), 'only root can make a device')
    expectRefusal(here, 'a.md', 'not-a-regular-file')
  })

  it(`${verifies('P3')} refuses a link to a device`, () => {
    const here = world()
    symlinkSync('/dev/zero', here.at('a.md'))
    expectRefusal(here, 'a.md', 'not-a-regular-file')
  })

  it(`${verifies('P3')} refuses a Unix socket`, async () => {
    const here = world()
    const server = createServer()
    await new Promise<void>(resolve => server.listen(here.at('a.md'), resolve))
    try {
      expectRefusal(here, 'a.md', 'not-a-regular-file')
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  })

  it(`${verifies('P3')} refuses a sparse file of 3 GB unread`, async () => {
    const here = world()
    put(here.at('a.md'), '')
    truncateSync(here.at('a.md'), 3_000_000_000)
    expectRefusal(here, 'a.md', 'too-large')
    expect(await listed(here.drafts)).toEqual({ names: [], omitted: 1 })
  })

  it(`${verifies('P3')} reads a file of the largest size and refuses one byte more`, () => {
    const standard = world()
    put(standard.at('a.md'), Buffer.alloc(1024 * 1024, 97))
    put(standard.at('b.md'), Buffer.alloc(1024 * 1024 + 1, 97))
    expect(standard.drafts.read('a.md').bytes).toHaveLength(1024 * 1024)
    expectRefusal(standard, 'b.md', 'too-large')
    const small = world({ maxBytes: 3 })
    put(small.at('a.md'), 'abc')
    put(small.at('b.md'), 'abcd')
    expect(small.drafts.read('a.md').bytes.toString()).toBe('abc')
    expectRefusal(small, 'b.md', 'too-large')
  })

  it('says that a file which is gone is missing', () => {
    const here = world()
    put(here.at('a.md'), 'a')
    expect(here.drafts.read('a.md').bytes.toString()).toBe('a')
    unlinkSync(here.at('a.md'))
    expectRefusal(here, 'a.md', 'missing')
  })

  it(`${verifies('P3')} counts a file that is removed between listing and reading`, async () => {
    const { drafts, at } = world()
    put(at('new.md'), 'new', 2000)
    put(at('old.md'), 'old', 1000)
    const { entries, omitted } = await drafts.list(10, draft => {
      rmSync(at('old.md'), { force: true })
      return draft.filename
    })
    expect({ entries, omitted }).toEqual({ entries: ['new.md'], omitted: 1 })
  })

  it('says that a file without permission is unreadable, and counts it', async () => {
    const { root, at } = world()
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

describe('the folder', () => {
  it(`${verifies('P3')} reads nothing from another folder that was put in its place`, async () => {
    const here = world()
    put(here.at('a.md'), 'mine')
    renameSync(here.root, `${here.root}.old`)
    mkdirSync(here.root)
    put(here.at('a.md'), SECRET)
    expectRefusal(here, 'a.md', 'missing')
    await expect(listed(here.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} reads nothing through a link that was put in its place`, async () => {
    const here = world()
    const other = `${here.root}.other`
    put(here.at('a.md'), 'mine')
    mkdirSync(other)
    put(join(other, 'a.md'), SECRET)
    renameSync(here.root, `${here.root}.old`)
    symlinkSync(other, here.root)
    expectRefusal(here, 'a.md', 'missing')
    await expect(listed(here.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} reads nothing once it is gone`, async () => {
    const here = world()
    rmSync(here.root, { recursive: true })
    expectRefusal(here, 'a.md', 'missing')
    await expect(listed(here.drafts)).rejects.toMatchObject({ reason: 'missing' })
  })

  it(`${verifies('P3')} stays the folder that a link led to when it was opened`, () => {
    const { root, secret, at } = world()
    put(at('a.md'), 'mine')
    const link = `${root}.link`
    symlinkSync(root, link)
    const drafts = openDraftsFolder(link)
    unlinkSync(link)
    symlinkSync(dirname(secret), link)
    expect(drafts.read('a.md').bytes.toString()).toBe('mine')
    expect(() => drafts.read('secret.md')).toThrow(NotADraftError)
  })

  it('gives no path away when the way to it is blocked', async () => {
    const here = world()
    const blocked = dirname(here.root)
    renameSync(blocked, `${blocked}.moved`)
    try {
      symlinkSync(blocked, blocked)
      expectNoPath(
        thrownBy(() => here.drafts.read('a.md')),
        here.root,
      )
      const error = await listed(here.drafts).catch((reason: Error) => reason)
      expect(error).toBeInstanceOf(NotADraftError)
      expectNoPath(error as Error, here.root)
    } finally {
      rmSync(blocked, { force: true })
      renameSync(`${blocked}.moved`, blocked)
    }
  })

  it('gives no path away when its entries may be listed but not looked at', async () => {
    const { root, at } = world()
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

  it('is not opened if it is missing, relative, a file, writable by everybody or unreadable', async () => {
    const { root, secret } = world()
    const refused = (path: string): Error => {
      const error = thrownBy(() => openDraftsFolder(path))
      expect(error).toBeInstanceOf(DraftsRootError)
      // For the operator, who has to know which one.
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

describe('names', () => {
  const NFC = 'Café Zürich 각.md'.normalize('NFC')
  const NFD = NFC.normalize('NFD')

  it('finds a file in either Unicode spelling and reports it in NFC', async () => {
    for (const spelling of [NFC, NFD]) {
      const { root, drafts, at } = world()
      put(at(spelling), spelling)
      // The test is about nothing on a file system that respells names itself.
      expect(readdirSync(root)[0]?.normalize('NFC')).toBe(NFC)
      for (const asked of [NFC, NFD])
        expect(drafts.read(asked)).toMatchObject({ filename: NFC, bytes: Buffer.from(spelling) })
      expect(await listed(drafts)).toEqual({ names: [NFC], omitted: 0 })
    }
  })

  it(`${verifies('P3')} refuses a name that stands there in two spellings`, async context => {
    const here = world()
    put(here.at(NFC), 'one')
    put(here.at(NFD), 'two')
    context.skip(readdirSync(here.root).length === 1, 'this file system knows one spelling only')
    expectRefusal(here, NFC, 'ambiguous')
    expectRefusal(here, NFD, 'ambiguous')
    put(here.at('other.md'), 'other')
    expect(await listed(here.drafts)).toEqual({ names: ['other.md'], omitted: 2 })
  })

  it(`${verifies('P3')} refuses a bad name without a look at the folder, and does not repeat it`, () => {
    const here = world()
    const names = ['../secret.md', here.secret, 'a\0.md', '.hidden.md', 'CON.md', 'a\u202e.md', 'x'.repeat(300), 'a.MD']
    for (const name of names) {
      expectRefusal(here, name, 'bad-name')
      const error = thrownBy(() => here.drafts.read(name))
      expect(error.message).toBe('the name is not one that a draft can have')
      expect((error as NotADraftError).filename).toBeUndefined()
    }
  })

  it(`${verifies('P3')} does not read a file of a bad name that is really there`, async () => {
    const here = world()
    const names = ['.hidden.md', 'con.md', 'a\u202eb.md', 'a\u200bb.md', "what's new.md", 'back\\slash.md', 'a\nb.md']
    for (const name of names) {
      put(here.at(name), name)
      expectRefusal(here, name, 'bad-name')
    }
    for (const name of ['UPPER.MD', 'note.txt', 'no-extension']) put(here.at(name), name)
    put(here.at('good.md'), 'good')
    expect(await listed(here.drafts)).toEqual({ names: ['good.md'], omitted: names.length })
  })

  it(`${verifies('P3')} reads nothing but what is in the folder, whatever the name`, () => {
    const { drafts, at } = world()
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
      { numRuns: 5_000 },
    )
    expect(found).toBeGreaterThan(100)
  })
})

describe('list', () => {
  it('describes the newest first, at most as many as asked for, and counts the rest', async () => {
    const { drafts, at } = world()
    for (const [index, name] of ['c.md', 'a.md', 'e.md', 'b.md', 'd.md'].entries()) put(at(name), name, 1000 + index)
    expect(await listed(drafts)).toEqual({ names: ['d.md', 'b.md', 'e.md', 'a.md', 'c.md'], omitted: 0 })
    expect(await listed(drafts, 2)).toEqual({ names: ['d.md', 'b.md'], omitted: 3 })
    expect(await listed(drafts, 5)).toEqual({ names: ['d.md', 'b.md', 'e.md', 'a.md', 'c.md'], omitted: 0 })
    expect(await listed(drafts, 0)).toEqual({ names: [], omitted: 5 })
  })

  it('orders drafts of the same moment by name', async () => {
    const { drafts, at } = world()
    for (const name of ['b.md', 'a.md', 'c.md']) put(at(name), name, 1000)
    expect((await listed(drafts)).names).toEqual(['a.md', 'b.md', 'c.md'])
  })

  it(`${verifies('P3')} describes each draft by the bytes that a read of it returns`, async () => {
    const { drafts, at } = world()
    for (const name of ['a.md', 'b.md', 'c.md']) put(at(name), `content of ${name}`)
    const { entries } = await drafts.list(10, draft => draft)
    expect(entries.map(draft => draft.filename).sort()).toEqual(['a.md', 'b.md', 'c.md'])
    for (const draft of entries) {
      expect(draft).toEqual(drafts.read(draft.filename))
      expect(draft.bytes.toString()).toBe(`content of ${draft.filename}`)
      expect(draft.sha256).toBe(createHash('sha256').update(draft.bytes).digest('hex'))
    }
  })

  it(`${verifies('P3')} does not let hostile entries crowd out drafts, and counts them`, async () => {
    const { drafts, root, secret, at } = world({ maxBytes: 100 })
    // Newer than the drafts, so that they come first.
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
    const here = world()
    try {
      writeFileSync(
        Buffer.concat([Buffer.from(`${here.root}/bad`), Buffer.from([0xff, 0xc3]), Buffer.from('.md')]),
        'x',
      )
    } catch {
      context.skip('this file system takes UTF-8 names only')
    }
    put(here.at('good.md'), 'good')
    expect(await listed(here.drafts)).toEqual({ names: ['good.md'], omitted: 1 })
    expectRefusal(here, 'bad\ufffd\ufffd.md', 'bad-name')
  })

  it('passes on what its caller throws', async () => {
    const { drafts, at } = world()
    put(at('a.md'), 'a')
    await expect(
      drafts.list(1, () => {
        throw new RangeError('of the caller')
      }),
    ).rejects.toThrow(new RangeError('of the caller'))
  })

  it('lets other work go on between two drafts', async () => {
    const { drafts, at } = world()
    for (const name of ['a.md', 'b.md', 'c.md']) put(at(name), name)
    const order: string[] = []
    const list = drafts.list(3, draft => order.push(draft.filename))
    setImmediate(() => order.push('other work'))
    await list
    expect(order.indexOf('other work')).toBeLessThan(3)
  })
})
