import type { DatabaseSync } from 'node:sqlite'
import type { FastifyRequest } from 'fastify'

/** One request as the backend saw it, refused ones included. */
export interface LoggedRequest {
  /** When it was answered, ISO 8601 in UTC. */
  time: string
  method: string
  /** Path and query as sent. */
  url: string
  /** The route's template, such as `/crm/v1/customers/:id`; null when no route matched. */
  route: string | null
  status: number
  keyName: string | null
  traceparent: string | null
  /** The `X-Request-Id` header. */
  requestId: string | null
  /** Names only, lower case: the values may be secret. */
  headers: string[]
  /** The raw text, at most its first 64 KiB; null without a body. */
  body: string | null
  /** Hex digest of the whole body; null without a body. */
  bodySha256: string | null
}

/** What callers sent, in the order in which they were answered. */
export class RequestLog {
  readonly #db: DatabaseSync
  readonly #now: () => number

  constructor(db: DatabaseSync, now: () => number) {
    this.#db = db
    this.#now = now
  }

  append(request: FastifyRequest, status: number): void {
    const { traceparent, 'x-request-id': requestId } = request.headers
    this.#db
      .prepare(
        `INSERT INTO requests
           (time, method, url, route, status, key_name, traceparent, request_id, headers, body, body_sha256)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        new Date(this.#now()).toISOString(),
        request.method,
        request.raw.url ?? '',
        request.routeOptions.url ?? null,
        status,
        request.caller?.name ?? null,
        text(traceparent),
        text(requestId),
        JSON.stringify(Object.keys(request.raw.headers)),
        request.received.text,
        request.received.sha256,
      )
  }

  /** Oldest first. */
  all(): LoggedRequest[] {
    const rows = this.#db
      .prepare(
        `SELECT time, method, url, route, status, key_name AS keyName, traceparent, request_id AS requestId, headers,
           body, body_sha256 AS bodySha256
         FROM requests ORDER BY seq`,
      )
      .all() as unknown as (Omit<LoggedRequest, 'headers'> & { headers: string })[]
    return rows.map(row => ({ ...row, headers: JSON.parse(row.headers) }))
  }

  clear(): void {
    this.#db.exec('DELETE FROM requests')
  }
}

function text(header: string | string[] | undefined): string | null {
  return header === undefined ? null : String(header)
}
