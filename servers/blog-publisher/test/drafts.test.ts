import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DRAFTS } from '@narrow-deputies/demo-stack'
import type { Session } from '@narrow-deputies/server-contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openPublisher, type Publisher, publisher, sha256, tempFolder, yes } from './publisher.ts'

let world: Publisher
let session: Session

beforeAll(async () => {
  world = await openPublisher()
  session = await world.open('modern wire', yes)
})
afterAll(() => world.close())
beforeEach(() => {
  for (const entry of readdirSync(world.drafts)) rmSync(join(world.drafts, entry), { recursive: true })
  world.backend.clearRequests()
})

interface Listed {
  readonly filename: string
  readonly title: string
  readonly sha256: string
  readonly bytes: number
  readonly modifiedAt: string
}

async function list(): Promise<{ drafts: Listed[]; omitted: number }> {
  const { data } = await session.call('listDrafts', {})
  return data as unknown as { drafts: Listed[]; omitted: number }
}

/** The bytes of a published draft, from the backend. */
function liveBytes(slug: string): Buffer | undefined {
  const article = world.backend.articles().find(live => live.slug === slug)
  return article && Buffer.from(article.markdown)
}

describe('an entry of the drafts folder that is not a draft', () => {
  const outside = 'A text from outside the drafts folder.\n'

  it.each<[string, (file: string, elsewhere: string) => unknown]>([
    [
      'a symlink',
      (file, elsewhere) => {
        writeFileSync(elsewhere, outside)
        symlinkSync(elsewhere, file)
      },
    ],
    [
      'a symlink to another draft',
      (file, _) => {
        writeFileSync(join(world.drafts, 'real.md'), outside)
        symlinkSync('real.md', file)
      },
    ],
    ['a dangling symlink', (file, elsewhere) => symlinkSync(elsewhere, file)],
    ['a symlink to a device', file => symlinkSync('/dev/zero', file)],
    [
      'a hard link',
      (file, elsewhere) => {
        writeFileSync(elsewhere, outside)
        linkSync(elsewhere, file)
      },
    ],
    ['a FIFO', file => execFileSync('mkfifo', [file])],
    ['a folder', file => mkdirSync(file)],
    [
      'a socket',
      file =>
        new Promise<void>(resolve => {
          const server = createServer().listen(file, resolve)
          onTestFinished(() => void server.close())
        }),
    ],
    ['a file that is one byte too large', file => writeFileSync(file, Buffer.alloc(1024 * 1024 + 1, 'a'))],
    [
      'a sparse file of 64 GiB',
      file => {
        writeFileSync(file, '')
        truncateSync(file, 64 * 1024 ** 3)
      },
    ],
  ])(`${verifies('P3')} is neither listed nor published: %s`, async (_, make) => {
    await make(join(world.drafts, 'week.md'), join(tempFolder(), 'outside.md'))
    const { drafts, omitted } = await list()
    expect(drafts.map(({ filename }) => filename)).not.toContain('week.md')
    expect(omitted).toBe(1)
    const end = await session.call('publishDraft', { filename: 'week.md' })
    expect(end.code).toBe('NOT_A_DRAFT')
    expect(end.text).toContain('listDrafts')
    expect(end.text).not.toContain(world.drafts)
    expect(world.backend.requests()).toEqual([])
  })

  it(`${verifies('P3')} is not published: a name that does not exist`, async () => {
    world.write('week.md', outside)
    for (const filename of ['weak.md', 'Week.md', 'week.md.md', 'week'])
      expect((await session.call('publishDraft', { filename })).code, filename).toBe('NOT_A_DRAFT')
    expect(world.backend.requests()).toEqual([])
  })

  it.each([
    ['Latin-1', Buffer.from('Caf\xe9\n', 'latin1')],
    ['UTF-16', Buffer.from('\ufeffA week\n', 'utf16le')],
    ['a character cut in two', Buffer.from('A week 😀').subarray(0, -1)],
    ['half a surrogate pair', Buffer.from([0x41, 0xed, 0xa0, 0x80])],
    ['an overlong slash', Buffer.from([0x41, 0xc0, 0xaf])],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ])(`${verifies('P3')} is not published: bytes that are not UTF-8 text, such as %s`, async (_, bytes) => {
    world.write('week.md', bytes)
    const end = await session.call('publishDraft', { filename: 'week.md' })
    expect(end.code).toBe('NOT_A_DRAFT')
    expect(world.backend.requests()).toEqual([])
  })

  it('is not listed: bytes that are not UTF-8 text', async () => {
    world.write('week.md', Buffer.from('Caf\xe9\n', 'latin1'))
    world.write('other week.md', 'Café\n')
    const { drafts, omitted } = await list()
    expect(drafts.map(({ filename }) => filename)).toEqual(['other week.md'])
    expect(omitted).toBe(1)
  })
})

describe('the drafts folder', () => {
  it(`${verifies('P3')} is the one that existed at the start: another folder in its place is not read`, async () => {
    const moved = await publisher()
    moved.write('week.md', 'A week.\n')
    const reader = await moved.open('modern wire', yes)
    renameSync(moved.drafts, `${moved.drafts}.old`)
    for (const put of [
      () => {},
      () => mkdirSync(moved.drafts),
      () => symlinkSync(`${moved.drafts}.old`, moved.drafts),
    ]) {
      rmSync(moved.drafts, { recursive: true, force: true })
      put()
      if (existsSync(moved.drafts)) writeFileSync(join(moved.drafts, 'week.md'), 'A week.\n')
      const listed = await reader.call('listDrafts', {})
      expect(listed.code).toBeDefined()
      expect(listed.text).not.toContain(moved.drafts)
      const published = await reader.call('publishDraft', { filename: 'week.md' })
      expect(published.code).toBe('NOT_A_DRAFT')
    }
    expect(moved.backend.requests()).toEqual([])
  })
})

describe('a draft', () => {
  it.each([
    ['a byte-order mark', '\ufeff# A week\n'],
    ['CRLF line breaks', '# A week\r\n\r\nFirst.\r\nSecond.\r\n'],
    ['CR line breaks', '# A week\r\rFirst.\r'],
    ['no line break at the end', '# A week'],
    ['all control characters', Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('')],
    ['letters in decomposed form', '# Cafe\u0301\n'],
    ['line and paragraph separators', 'A\u2028B\u2029C\u0085D\n'],
    ['hidden and bidirectional characters', 'A\u202eB\u200bC\u{e0041}D\ufffe\n'],
    ['characters that JSON must escape', '"\\\b\f\n\r\t</script>\u{10ffff}\n'],
    ['replacement characters', 'A\ufffdB\n'],
    ['the maximum length', 'é'.repeat(512 * 1024)],
  ])(`${verifies('P3')} is published byte for byte with %s`, async (_, content) => {
    const slug = `byte-for-byte-${sha256(content).slice(0, 8)}`
    const digest = world.write(`${slug}.md`, content)
    const end = await session.call('publishDraft', { filename: `${slug}.md` })
    expect(end).toMatchObject({ code: undefined, data: { sha256: digest } })
    const live = liveBytes(slug)
    // Compared by hash first, because a difference of 1 MiB takes long to print.
    expect(live && sha256(live)).toBe(digest)
    expect(live?.equals(Buffer.from(content))).toBe(true)
    expect(world.live(slug)).toEqual([digest])
  })

  it('that is empty is listed, and refused by the backend', async () => {
    const digest = world.write('empty.md', '')
    expect((await list()).drafts).toMatchObject([{ filename: 'empty.md', title: 'empty', sha256: digest, bytes: 0 }])
    const end = await session.call('publishDraft', { filename: 'empty.md' })
    expect(end.code).toBe('BACKEND_REFUSED')
    expect(world.live('empty')).toEqual([])
  })

  it('is listed in NFC, whatever its spelling in the folder, and published by either spelling', async () => {
    const digest = world.write('Cafe\u0301 2.md', 'A week.\n')
    expect((await list()).drafts.map(({ filename }) => filename)).toEqual(['Café 2.md'])
    const first = await session.call('publishDraft', { filename: 'Café 2.md' })
    const second = await session.call('publishDraft', { filename: 'Cafe\u0301 2.md' })
    expect(first.data).toMatchObject({ alreadyPublished: false, title: 'Café 2' })
    expect(second.data).toMatchObject({ alreadyPublished: true })
    expect(world.live('café-2')).toEqual([digest])
  })

  it(`${verifies('P3')} whose name exists in two spellings is neither listed nor published`, async () => {
    world.write('Caf\u00e9.md', 'A week.\n')
    world.write('Cafe\u0301.md', 'Another week.\n')
    expect(await list()).toEqual({ drafts: [], omitted: 2 })
    for (const filename of ['Caf\u00e9.md', 'Cafe\u0301.md'])
      expect((await session.call('publishDraft', { filename })).code).toBe('NOT_A_DRAFT')
    expect(world.backend.requests()).toEqual([])
  })

  it('of the demo is listed with the title and the hash that it is published with', async () => {
    const demo = await publisher({ BLOG_DRAFTS_DIR: DRAFTS })
    const reader = await demo.open('modern wire', yes)
    const { data } = await reader.call('listDrafts', {})
    const { drafts, omitted } = data as unknown as { drafts: Listed[]; omitted: number }
    expect(drafts.length).toBe(readdirSync(DRAFTS).length)
    expect(omitted).toBe(0)
    for (const { filename, title, sha256: digest } of drafts) {
      const end = await reader.call('publishDraft', { filename })
      expect(end).toMatchObject({ code: undefined, data: { title, sha256: digest } })
    }
  })
})

describe('a list of drafts', () => {
  it('has the newest hundred, newest first, and counts the others', async () => {
    for (let index = 0; index < 150; index += 1) {
      const filename = `draft ${String((index * 37) % 150).padStart(3, '0')}.md`
      world.write(filename, `# Draft ${index}\n`)
      // Not in the order of the names, and one second apart.
      utimesSync(join(world.drafts, filename), 1_700_000_000 + index, 1_700_000_000 + index)
    }
    const { drafts, omitted } = await list()
    expect(omitted).toBe(50)
    expect(drafts.map(({ title }) => title)).toEqual(Array.from({ length: 100 }, (_, index) => `Draft ${149 - index}`))
    expect(drafts[0]).toEqual({
      filename: 'draft 113.md',
      title: 'Draft 149',
      sha256: sha256('# Draft 149\n'),
      bytes: 12,
      modifiedAt: new Date(1_700_000_149_000).toISOString(),
    })
  })

  it('has older drafts in place of newer entries that are not drafts, and counts those', async () => {
    for (let index = 0; index < 103; index += 1) world.write(`draft ${index}.md`, 'A week.\n')
    for (let index = 0; index < 5; index += 1) {
      symlinkSync('draft 1.md', join(world.drafts, `link ${index}.md`))
      mkdirSync(join(world.drafts, `folder ${index}.md`))
    }
    const { drafts, omitted } = await list()
    expect(drafts).toHaveLength(100)
    expect(omitted).toBe(13)
  })

  it('has neither files that are not Markdown nor the text of drafts', async () => {
    world.write('week.md', '# A week\n\nThe merger is secret.\n')
    for (const other of ['notes.txt', '.env', 'week.md.bak', '.week.md.swp', 'week.MD', 'md'])
      writeFileSync(join(world.drafts, other), 'SECRET=1')
    mkdirSync(join(world.drafts, 'folder'))
    writeFileSync(join(world.drafts, 'folder', 'inner.md'), 'A week.\n')
    const { text, data } = await session.call('listDrafts', {})
    expect(data).toMatchObject({ drafts: [{ filename: 'week.md', title: 'A week' }], omitted: 0 })
    expect(text).not.toMatch(/merger|SECRET|notes|inner|swp/)
  })

  it.each([
    ['of a heading with many spaces', `# a${' '.repeat(1_000_000)}b`],
    ['of a heading with many number signs', `# a${'#'.repeat(1_000_000)}b`],
    ['of front matter without an end', `---\n${'title: a\n'.repeat(100_000)}`],
    ['of one long line', `# ${'a '.repeat(500_000)}`],
    ['of very many headings', '#\n'.repeat(500_000)],
  ])(`${verifies('P16')} is returned before the client’s timeout for a draft %s`, async (_, content) => {
    // With its own process, so that a slow one does not delay the other tests.
    const stuck = await publisher()
    stuck.write('week.md', content)
    const other = await stuck.open('modern wire', yes)
    const { data } = await other.call('listDrafts', {})
    expect(data).toMatchObject({ drafts: [{ filename: 'week.md' }], omitted: 0 })
  })
})

describe('a title', () => {
  it.each([
    ['of the front matter', '---\ntitle: From the front\n---\n# Heading\n', 'From the front'],
    ['of the front matter, in quotation marks', '---\ndate: 2026\ntitle: "Quoted: yes"\n---\n', 'Quoted: yes'],
    ['of the front matter, with CRLF line breaks', "---\r\ntitle: 'Single'\r\n---\r\nText\r\n", 'Single'],
    ['of the first heading', 'Text first.\n\n# The heading #\n\n# Another\n', 'The heading'],
    ['of the heading, with a number sign in the text', '# Why we left C#\n', 'Why we left C#'],
    ['of the heading if the front matter has none', '---\ndate: 2026\n---\n# The heading\n', 'The heading'],
    ['of the heading if that of the front matter is empty', '---\ntitle: ""\n---\n# The heading\n', 'The heading'],
    ['of the filename', 'No heading.\n## Not the first level\n#tag\n', 'My week (2)'],
    ['of the filename if the heading has no visible characters', '# \u200b\u202e\u{e0041}\n', 'My week (2)'],
    ['of the heading after a byte-order mark', '\ufeff# The heading\n', 'The heading'],
    ['of the front matter after a byte-order mark', '\ufeff---\ntitle: From the front\n---\n', 'From the front'],
    [
      'without control, direction and hidden characters',
      '# Pay \u202egnp.exe\u202c \u001b[31mnow\u001b[0m\u0007 z\u200be\u2060r\ufeffo \u{e0049}\u{e0067}end\u0000\n',
      'Pay gnp.exe [31mnow[0m zer o end',
    ],
    ['on one line', '---\ntitle: One\ttwo  three\u2028\u2028four\n---\n', 'One two three'],
    ['in any script', '# Ελλάδα, 日本語 и Ёлка 👩‍👩‍👧 می‌خواهم\n', 'Ελλάδα, 日本語 и Ёлка 👩‍👩‍👧 می‌خواهم'],
  ])(`${verifies('P17')} is the one %s`, async (_, content, title) => {
    world.write('My week (2).md', content)
    const { drafts } = await list()
    expect(drafts.map(draft => draft.title)).toEqual([title])
  })

  it(`${verifies('P17')} is cut to the maximum of the schema, between characters`, async () => {
    world.write('a.md', `# ${'a'.repeat(500)}\n`)
    world.write('b.md', `# ${'b'.repeat(198)}${'😀'.repeat(10)}\n`)
    const titles = (await list()).drafts.map(({ title }) => title).sort()
    expect(titles).toEqual([`${'a'.repeat(199)}…`, `${'b'.repeat(198)}…`])
  })
})
