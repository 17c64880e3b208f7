import type { DatabaseSync } from 'node:sqlite'
import type { FastifyRequest } from 'fastify'

/** A request that the backend received, accepted or refused. */
export interface LoggedRequest {
  /** The time of the response, ISO 8601 in UTC. */
  time: string
  method: string
  /** The path and query as sent. */
  url: string
  /** The route template, such as `/crm/v1/customers/:id`; null if no route matched. */
  route: string | null
  status: number
  keyName: string | null
  traceparent: string | null
  /** The `X-Request-Id` header. */
  requestId: string | null
  /** The names of the headers in lower case, without their values, which may be secret. */
  headers: string[]
  /** The first 64 KiB of the body as text; null without a body. */
  body: string | null
  /** SHA-256 of the whole body, in hex; null without a body. */
  bodySha256: string | null
}

/** All received requests, in the order of their responses. */
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
