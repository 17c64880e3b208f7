import { isUtf8 } from 'node:buffer'
import { CodedError, plainLine } from '#call'
import { type Draft, type DraftsFolder, NotADraftError } from '#guardrails/path-guard'

/** A draft in the form in which it is published. */
export interface Article {
  readonly filename: string
  readonly slug: string
  readonly title: string
  /** The draft’s bytes, decoded as UTF-8. */
  readonly markdown: string
  /** The SHA-256 digest of the draft’s bytes, in lower-case hex. */
  readonly sha256: string
  readonly words: number
}

const MAX_TITLE = 200
const MAX_SLUG = 120

/**
 * Reads one draft, once, and makes an article of what was read.
 *
 * @throws {CodedError} `NOT_A_DRAFT`
 */
export function readArticle(drafts: DraftsFolder, filename: string): Article {
  try {
    return articleOf(drafts.read(filename))
  } catch (error) {
    if (!(error instanceof NotADraftError)) throw error
    throw new CodedError('NOT_A_DRAFT', `${error.message}. Only filenames that listDrafts returned are accepted.`)
  }
}

/** @throws {CodedError} `NOT_A_DRAFT` if the bytes are not UTF-8 */
export function articleOf(draft: Draft): Article {
  const markdown = textOf(draft)
  return {
    filename: draft.filename,
    slug: slugOf(draft.filename),
    title: titleOf(draft),
    markdown,
    sha256: draft.sha256,
    words: markdown.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*/gu)?.length ?? 0,
  }
}

/** The title in the front matter, else the first heading that is not empty, else the file’s name. */
export function titleOf({ filename, bytes }: Draft): string {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  for (const candidate of candidatesIn(text)) {
    const title = plainLine(candidate, MAX_TITLE)
    if (title) return title
  }
  return plainLine(stemOf(filename), MAX_TITLE)
}

function* candidatesIn(text: string): Generator<string> {
  yield namedIn(text) ?? ''
  for (const [, line = ''] of text.matchAll(/^#[ \t](.*)$/gm)) yield headingOf(line.trim())
}

function namedIn(text: string): string | undefined {
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(text)?.[1]
  const named = frontMatter && /^title:(.+)$/m.exec(frontMatter)?.[1]?.trim()
  return named?.replace(/^(["'])(.*)\1$/, '$2')
}

/** The text of a heading, without its closing number signs. A number sign that ends a word (C#) is kept. */
function headingOf(line: string): string {
  let end = line.length
  while (line[end - 1] === '#') end -= 1
  return end === 0 || /[ \t]/.test(line[end - 1] ?? '') ? line.slice(0, end) : line
}

/** Whether a draft’s bytes are UTF-8. */
export function isText({ bytes }: Draft): boolean {
  return isUtf8(bytes)
}

/** Decodes strictly: keeps a byte-order mark, and refuses broken characters instead of replacing them. */
function textOf({ bytes, filename }: Draft): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CodedError('NOT_A_DRAFT', `“${filename}” is not UTF-8 text.`)
  }
}

function slugOf(filename: string): string {
  const words =
    stemOf(filename)
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{Nd}]+/gu) ?? []
  return words
    .join('-')
    .slice(0, MAX_SLUG)
    .replace(/[\ud800-\udbff]$/, '')
    .replace(/-+$/, '')
}

function stemOf(filename: string): string {
  return filename.replace(/\.md$/, '')
}
