import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { inTransaction } from './database.ts'
import { Refusal } from './refusal.ts'

/** The response to a write; null means no body. */
export interface WriteResult {
  status: number
  body: object | null
}

interface Stored {
  fingerprint: string
  status: number
  body: string | null
}

/**
 * Runs writes in transactions and stores their responses under the caller's `Idempotency-Key`.
 * The response is stored in the same transaction as the write, so a caller that lost it can repeat the request.
 * The response to a refused write is not stored, because the write changed nothing and may succeed later.
 */
export class Writes {
  readonly #db: DatabaseSync
  readonly #now: () => number
  readonly #windowMs: number

  /** @param windowMs how long a response is stored, in milliseconds */
  constructor(db: DatabaseSync, now: () => number, windowMs: number) {
    this.#db = db
    this.#now = now
    this.#windowMs = windowMs
  }

  /**
   * Sends the result of the effect, or the stored response if the same request was answered before.
   *
   * @throws Refusal 422 if the key was used for a different request within the window; whatever the effect throws
   */
  answer(request: FastifyRequest, reply: FastifyReply, effect: () => WriteResult): FastifyReply {
    const key = request.headers['idempotency-key']
    const holder = request.caller?.hash
    const fingerprint = fingerprintOf(request)
    const { status, body } = inTransaction(this.#db, () => {
      if (typeof key === 'string' && holder !== undefined) {
        const stored = this.#recall(holder, key)
        if (stored !== undefined) {
          if (stored.fingerprint !== fingerprint) {
            throw new Refusal(
              422,
              'idempotency_mismatch',
              'this Idempotency-Key was already used for a different request',
            )
          }
          reply.header('Idempotency-Replayed', 'true')
          return stored
        }
      }
      const result = effect()
      const text = result.body === null ? null : (reply.code(result.status).serialize(result.body) as string)
      if (typeof key === 'string' && holder !== undefined) {
        this.#db
          .prepare('INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?)')
          .run(holder, key, fingerprint, result.status, text, this.#now())
      }
      return { status: result.status, body: text }
    })
    reply.code(status)
    return body === null ? reply.send() : reply.type('application/json; charset=utf-8').send(body)
  }

  #recall(holder: string, key: string): Stored | undefined {
    this.#db.prepare('DELETE FROM idempotency WHERE created_ms <= ?').run(this.#now() - this.#windowMs)
    return this.#db
      .prepare('SELECT fingerprint, status, body FROM idempotency WHERE key_hash = ? AND key = ?')
      .get(holder, key) as unknown as Stored | undefined
  }
}

// Uses the path as sent, not the route template: a key used for one record must not replay its response for another.
function fingerprintOf(request: FastifyRequest): string {
  return createHash('sha256').update(`${request.method}\n${request.raw.url}\n${request.received.sha256}`).digest('hex')
}
