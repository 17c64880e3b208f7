import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What becomes of one request on its way to the backend and back. */
export type Fate =
  | 'arrives'
  /** The backend did it; the connection ends before a byte of its reply. */
  | 'reply lost'
  /** The backend did it; the connection ends in the middle of its reply. */
  | 'reply cut'
  /** The backend did it; a proxy answers in its place. */
  | 'reply replaced by a 502'
  | 'reply replaced by no JSON'
  | 'reply replaced by other JSON'
  /** The backend never sees it. */
  | 'request lost'
  | 'request answered 500'

export interface PassedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A way to the backend on which things go wrong; closed when the test is over. */
export interface FaultyPath {
  readonly url: string
  /** Everything that the server sent, whatever became of it. */
  readonly sent: readonly PassedRequest[]
  /** What becomes of the next requests, in turn; beyond these they arrive. */
  fates(...fates: Fate[]): void
  /** What becomes of every request from now on. */
  always(fate: Fate): void
}

export async function faultyPath(backendUrl: string): Promise<FaultyPath> {
  const sent: PassedRequest[] = []
  let next: Fate[] = []
  let otherwise: Fate = 'arrives'
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { method = '', url = '', headers } = request
    sent.push({ method, url, headers, body })
    const fate = next.shift() ?? otherwise
    if (fate === 'request lost') return void request.socket.destroy()
    if (fate === 'request answered 500') return void response.writeHead(500).end('{"error":"broken"}')

    const { host: _, connection: __, ...passed } = headers
    const answer = await fetch(new URL(url, backendUrl), {
      method,
      headers: passed as Record<string, string>,
      ...(body && { body }),
    })
    const text = await answer.text()
    if (fate === 'reply lost') return void request.socket.destroy()
    if (fate === 'reply replaced by a 502') return void response.writeHead(502).end('<h1>Bad gateway</h1>')
    if (fate === 'reply replaced by no JSON') return void response.writeHead(200).end('<h1>Please log in</h1>')
    if (fate === 'reply replaced by other JSON') return void response.writeHead(200).end('{"ok":true}')
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(answer.headers.has('retry-after') && { 'retry-after': answer.headers.get('retry-after') ?? '' }),
    })
    if (fate === 'reply cut') {
      response.write(text.slice(0, text.length / 2))
      return void setImmediate(() => request.socket.destroy())
    }
    response.end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${new URL(backendUrl).pathname}`,
    sent,
    fates(...fates) {
      next = fates
    },
    always(fate) {
      otherwise = fate
    },
  }
}
