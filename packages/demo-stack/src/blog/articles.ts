import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { newId } from '../ids.ts'
import { conflict, notFound } from '../refusal.ts'

/** A published article. */
export interface Article {
  id: string
  /** In Unicode NFC. */
  slug: string
  title: string
  markdown: string
  url: string
  /** SHA-256 of the Markdown text in UTF-8, in hex. */
  sha256: string
  status: 'published'
  /** ISO 8601 in UTC. */
  publishedAt: string
}

const COLUMNS = 'id, slug, title, markdown, sha256, published_at AS publishedAt'

/** The articles table. */
export class Articles {
  readonly #db: DatabaseSync
  readonly #now: () => number
  readonly #site: () => string

  /** @param site returns the origin of the public post pages */
  constructor(db: DatabaseSync, now: () => number, site: () => string) {
    this.#db = db
    this.#now = now
    this.#site = site
  }

  /**
   * Creates and publishes an article. If an article with the same slug and text exists, returns that one.
   *
   * @throws Refusal 409 if an article with the same slug and a different text exists
   */
  publish(input: { slug: string; title: string; markdown: string }): { article: Article; created: boolean } {
    const existing = this.#find(input.slug)
    if (existing !== undefined) {
      if (existing.sha256 === digest(input.markdown)) return { article: existing, created: false }
      throw conflict('an article with this slug is already published with a different text; edit it in the blog admin')
    }
    this.add({ ...input, id: newId('art'), publishedAt: new Date(this.#now()).toISOString() })
    return { article: this.get(input.slug), created: true }
  }

  add(article: Pick<Article, 'id' | 'slug' | 'title' | 'markdown' | 'publishedAt'>): void {
    const { id, slug, title, markdown, publishedAt } = article
    this.#db
      .prepare('INSERT INTO articles (id, slug, title, markdown, sha256, published_at) VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, slug.normalize('NFC'), title, markdown, digest(markdown), publishedAt)
  }

  /** @throws Refusal 404 */
  get(slug: string): Article {
    const article = this.#find(slug)
    if (article === undefined) throw notFound('article')
    return article
  }

  /** Oldest first. */
  all(): Article[] {
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM articles ORDER BY published_at, id`).all()
    return rows.map(row => this.#article(row))
  }

  /** @throws Refusal 404 */
  edit(slug: string, change: { title: string; markdown: string }): Article {
    const { id } = this.get(slug)
    this.#db
      .prepare('UPDATE articles SET title = ?, markdown = ?, sha256 = ? WHERE id = ?')
      .run(change.title, change.markdown, digest(change.markdown), id)
    return this.get(slug)
  }

  /** @throws Refusal 404 */
  remove(slug: string): void {
    this.#db.prepare('DELETE FROM articles WHERE id = ?').run(this.get(slug).id)
  }

  #find(slug: string): Article | undefined {
    // Slugs that look the same must not be two articles, so they are compared in NFC.
    const row = this.#db.prepare(`SELECT ${COLUMNS} FROM articles WHERE slug = ?`).get(slug.normalize('NFC'))
    return row === undefined ? undefined : this.#article(row)
  }

  #article(row: Record<string, unknown>): Article {
    const stored = row as unknown as Omit<Article, 'url' | 'status'>
    return { ...stored, url: `${this.#site()}/posts/${encodeURIComponent(stored.slug)}`, status: 'published' }
  }
}

function digest(markdown: string): string {
  return createHash('sha256').update(markdown, 'utf8').digest('hex')
}
