import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { ErrorCode } from './error-codes.ts'
import { type Behaviour, sendJson } from './hostile-backend.ts'

/** A fault of a backend, and the error codes that a caller may receive. */
export interface BackendFault {
  readonly title: string
  readonly behave: Behaviour
  /** The codes for a read and for a write. Only a write can have an unknown outcome. */
  readonly told: Readonly<Record<'read' | 'write', readonly ErrorCode[]>>
  /** The minimum and the maximum of `retryAfterSeconds`. */
  readonly retryAfter?: readonly [number, number]
  /** Whether the reply never ends, so that only the timeout ends the call. */
  readonly hangs?: true
}

export interface FaultContext {
  /** The URL of a host that no request may go to. */
  readonly otherHost: string
  /** A text that must not appear in any log or audit file. */
  readonly canary: string
}

const MEGABYTE = 1024 * 1024
const HUGE = 50 * MEGABYTE

/** 50 MB, compressed to about 50 kB. */
const BOMB = gzipSync(Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(HUGE, 'a'), Buffer.from('"}')]))

/** A write may have been done. */
const LOST: BackendFault['told'] = { read: ['BACKEND_UNAVAILABLE'], write: ['OUTCOME_UNKNOWN'] }
/** A write was not done. */
const UNAVAILABLE: BackendFault['told'] = both('BACKEND_UNAVAILABLE')
/** A write may have been done before the redirect. */
const REDIRECTED: BackendFault['told'] = {
  read: ['BACKEND_UNAVAILABLE'],
  write: ['BACKEND_UNAVAILABLE', 'OUTCOME_UNKNOWN'],
}
const REFUSED: BackendFault['told'] = both('BACKEND_REFUSED')

function both(...codes: ErrorCode[]): BackendFault['told'] {
  return { read: codes, write: codes }
}

export function backendFaults({ otherHost, canary }: FaultContext): BackendFault[] {
  /** An error body with internal details: a message, the credential, a stack. */
  const details = (authorization = ''): string =>
    JSON.stringify({
      error: { code: canary, message: `${canary} ${authorization} at /srv/backend/${canary}.js:1:1` },
      received: authorization,
    })
  const status =
    (code: number, headers: () => Record<string, string> = () => ({})): Behaviour =>
    (response, { headers: { authorization } }) =>
      response.writeHead(code, { 'content-type': 'application/json', ...headers() }).end(details(authorization))
  const redirect =
    (code: number, location: (authorization: string) => string): Behaviour =>
    (response, { headers: { authorization = '' } }) =>
      response.writeHead(code, { location: location(authorization) }).end(details(authorization))
  const body =
    (text: string | Buffer, headers: Record<string, string> = {}): Behaviour =>
    response =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
  const bytes =
    (text: string): Behaviour =>
    response =>
      response.socket?.end(text)
  const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString()

  return [
    { title: 'no reply', behave: () => {}, told: LOST, hangs: true },
    {
      title: 'headers that arrive byte by byte without end',
      behave: response => drip(response, 'HTTP/1.1 200 OK\r\nx: '),
      told: LOST,
      hangs: true,
    },
    { title: 'a body that arrives byte by byte without end', behave: drips, told: LOST, hangs: true },
    { title: 'a connection that is closed at once', behave: response => response.destroy(), told: LOST },
    { title: 'a connection that is reset', behave: response => response.socket?.resetAndDestroy(), told: LOST },
    { title: 'a reset within the body', behave: resetWithin, told: LOST },
    { title: 'a body that is shorter than its Content-Length', behave: shortened, told: LOST },
    { title: 'a reply that is not HTTP', behave: bytes(`220 ${canary} ESMTP ready\r\n`), told: LOST },
    { title: 'incomplete headers of 1 MB', behave: bytes(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(MEGABYTE)}`), told: LOST },
    {
      title: 'ten thousand headers',
      behave: bytes(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}\r\n{}`),
      told: LOST,
    },
    ...[301, 302, 303, 307, 308].flatMap((code): BackendFault[] => [
      {
        title: `${code} to another host`,
        behave: redirect(code, authorization => `${otherHost}/?key=${encodeURIComponent(authorization)}`),
        told: REDIRECTED,
      },
      {
        title: `${code} on the same host`,
        behave: redirect(code, () => '/elsewhere'),
        told: REDIRECTED,
      },
    ]),
    { title: '300 without a location', behave: status(300), told: REDIRECTED },
    ...[500, 501, 502, 504, 599].map(code => ({ title: String(code), behave: status(code), told: LOST })),
    { title: '503', behave: status(503), told: UNAVAILABLE },
    {
      title: '503 for 7 seconds',
      behave: status(503, () => ({ 'retry-after': '7' })),
      told: UNAVAILABLE,
      retryAfter: [7, 7],
    },
    {
      title: '503 until a date',
      behave: status(503, () => ({ 'retry-after': inSeconds(90) })),
      told: UNAVAILABLE,
      retryAfter: [1, 91],
    },
    { title: '429', behave: status(429), told: both('RATE_LIMITED') },
    {
      title: '429 for 30 seconds',
      behave: status(429, () => ({ 'retry-after': '30' })),
      told: both('RATE_LIMITED'),
      retryAfter: [30, 30],
    },
    {
      title: '429 until a date',
      behave: status(429, () => ({ 'retry-after': inSeconds(90) })),
      told: both('RATE_LIMITED'),
      retryAfter: [1, 91],
    },
    {
      title: '429 until a date in the past',
      behave: status(429, () => ({ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' })),
      told: both('RATE_LIMITED'),
      retryAfter: [0, 1],
    },
    {
      title: '429 with an invalid Retry-After',
      behave: status(429, () => ({ 'retry-after': canary })),
      told: both('RATE_LIMITED'),
    },
    {
      title: '429 with a very large Retry-After',
      behave: status(429, () => ({ 'retry-after': '9'.repeat(300) })),
      told: both('RATE_LIMITED'),
    },
    { title: '400', behave: status(400), told: both('BACKEND_REFUSED', 'INVALID_INPUT') },
    { title: '401', behave: status(401, () => ({ 'www-authenticate': `Bearer realm="${canary}"` })), told: REFUSED },
    { title: '403', behave: status(403), told: REFUSED },
    { title: '404', behave: status(404), told: { read: ['NOT_FOUND'], write: ['NOT_FOUND', 'BACKEND_REFUSED'] } },
    { title: '409', behave: status(409), told: REFUSED },
    { title: '418', behave: status(418), told: REFUSED },
    { title: '422', behave: status(422), told: REFUSED },
    { title: '204', behave: response => response.writeHead(204).end(), told: LOST },
    { title: 'an empty body', behave: body(''), told: LOST },
    { title: 'HTML', behave: body(`<!doctype html><h1>${canary}</h1>`, { 'content-type': 'text/html' }), told: LOST },
    { title: 'the first half of the JSON', behave: truncated, told: LOST },
    {
      title: 'two JSON documents',
      behave: async (response, _, real) => sendJson(response, 200, `${await text(real)}{}`),
      told: LOST,
    },
    ...['null', '[]', '{}', '42', '"text"', 'true', `{"error":"${canary}"}`, `[{"id":"${canary}"}]`].map(json => ({
      title: `the JSON ${json.replaceAll(canary, '…')}`,
      behave: body(json),
      told: LOST,
    })),
    {
      title: 'JSON in a JSON string',
      behave: async (response, _, real) => sendJson(response, 200, JSON.stringify(await text(real))),
      told: LOST,
    },
    {
      title: 'the expected JSON in a list',
      behave: async (response, _, real) => sendJson(response, 200, `[${await text(real)}]`),
      told: LOST,
    },
    { title: 'invalid UTF-8', behave: brokenText, told: LOST },
    {
      title: 'UTF-16',
      behave: async (response, _, real) => sendJson(response, 200, Buffer.from(await text(real), 'utf16le')),
      told: LOST,
    },
    {
      title: 'a body that is not gzip, with its encoding',
      behave: body(canary, { 'content-encoding': 'gzip' }),
      told: LOST,
    },
    { title: '400,000 nested lists', behave: body('['.repeat(400_000) + ']'.repeat(400_000)), told: LOST },
    ...hugeReplies(),
  ]
}

/** Each needs 50 MB of memory or more if it is read to the end. */
export function hugeReplies(): BackendFault[] {
  const gzipped =
    (body: Buffer, encoding: string): Behaviour =>
    response =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body)
  return [
    { title: 'a body of 50 MB', behave: huge(200), told: LOST },
    { title: 'a 500 of 50 MB', behave: huge(500), told: LOST },
    { title: 'a gzip bomb of 50 MB', behave: gzipped(BOMB, 'gzip'), told: LOST },
    { title: 'a gzip bomb within another', behave: gzipped(gzipSync(BOMB), 'gzip, gzip'), told: LOST },
  ]
}

async function text(real: Parameters<Behaviour>[2]): Promise<string> {
  return JSON.stringify((await real()).json)
}

const drips: Behaviour = async response => {
  response.writeHead(200, { 'content-type': 'application/json' })
  await drip(response, '{"a":"')
}

/** Writes a byte every 50 ms, so that no idle timeout ends the connection. */
async function drip(response: ServerResponse, start: string): Promise<void> {
  const { socket } = response
  const write = (bytes: string): unknown => (response.headersSent ? response.write(bytes) : socket?.write(bytes))
  write(start)
  while (socket?.writable) {
    await pause(50)
    if (socket.writable) write('x')
  }
}

const resetWithin: Behaviour = async (response, _, real) => {
  const whole = await text(real)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) })
  response.write(whole.slice(0, -2))
  await pause(20)
  response.socket?.resetAndDestroy()
}

const shortened: Behaviour = async (response, _, real) => {
  const whole = await text(real)
  response.socket?.end(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(whole) + 10}\r\n\r\n${whole}`,
  )
}

const truncated: Behaviour = async (response, _, real) => {
  const whole = await text(real)
  sendJson(response, 200, whole.slice(0, whole.length >> 1))
}

/** Valid except for two bytes. A decoder that replaces invalid bytes would accept it. */
const brokenText: Behaviour = async (response, _, real) => {
  const whole = Buffer.from(await text(real))
  const spaced = Buffer.concat([
    Buffer.from('{"extra":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('",'),
    whole.subarray(1),
  ])
  sendJson(response, 200, spaced)
}

/** Sends 50 MB as fast as the client reads. */
function huge(status: number): Behaviour {
  return async response => {
    response.writeHead(status, { 'content-type': 'application/json' })
    await pipeline(Readable.from(hugeText()), response)
  }
}

function* hugeText(): Generator<Buffer> {
  yield Buffer.from('{"a":"')
  const chunk = Buffer.alloc(64 * 1024, 'a')
  for (let sent = 0; sent < HUGE; sent += chunk.length) yield chunk
  yield Buffer.from('"}')
}
