// A hostile server over HTTP: node http.mjs BEHAVIOUR. It prints its port to standard output.
import { createServer } from 'node:http'
import { createGzip } from 'node:zlib'
import { answerTo, ESCAPES, pour } from './speaking.mjs'

const BLOCK = 'x'.repeat(64 * 1024)
const EVENTS = { 'Content-Type': 'text/event-stream' }
const JSON_TYPE = { 'Content-Type': 'application/json' }

function json(response, message) {
  if (message.id === undefined) response.writeHead(202).end()
  else response.writeHead(200, JSON_TYPE).end(JSON.stringify(answerTo(message)))
}

/** Answers tools/list with `answer`, and every other request correctly. */
const listing = answer => (response, message, request) =>
  message.method === 'tools/list' ? answer(response, message, request) : json(response, message)

/** Writes a text until the client disconnects. */
function pourInto(response, text) {
  response.on('close', () => response.removeAllListeners('drain'))
  const go = () => {
    while (!response.destroyed && response.write(text));
    if (!response.destroyed) response.once('drain', go)
  }
  go()
}

const BEHAVIOURS = {
  'correct behaviour': json,
  'circular redirects'(response, _, { url }) {
    response.writeHead(307, { Location: `${url}?` }).end()
  },
  'a redirect to another server'(response) {
    response.writeHead(308, { Location: process.argv[3] }).end()
  },
  'an event stream without events': listing(response => {
    response.writeHead(200, EVENTS)
    setInterval(() => response.write(':'), 100)
  }),
  'endless events': listing(response => {
    response.writeHead(200, EVENTS)
    pourInto(response, 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'.repeat(500))
  }),
  'an endless event': listing(response => {
    response.writeHead(200, EVENTS)
    pourInto(response, `data: ${'x'.repeat(1_000)}\n`.repeat(64))
  }),
  'an endless body': listing(response => {
    response.writeHead(200, JSON_TYPE)
    pourInto(response, BLOCK)
  }),
  'a truncated body': listing(response => {
    response.writeHead(200, { ...JSON_TYPE, 'Content-Length': '1000' })
    response.write('{"jsonrpc"', () => response.destroy())
  }),
  'oversized headers': listing(response => {
    for (let n = 0; n < 400; n += 1) response.setHeader(`x-${n}`, 'x'.repeat(1_000))
    response.writeHead(200, JSON_TYPE).end('{}')
  }),
  'a compression bomb': listing(response => {
    response.writeHead(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' })
    const packed = createGzip()
    packed.pipe(response)
    response.on('close', () => packed.destroy())
    pour(packed, '\0'.repeat(64 * 1024))
  }),
  'no replies at all': () => {},
  'a 401 for every request'(response) {
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
  },
  'an HTML error page'(response) {
    response.writeHead(500, { 'Content-Type': 'text/html' }).end(`<h1>${ESCAPES}</h1>`)
  },
}

const [, , behaviour = ''] = process.argv
const misbehave = BEHAVIOURS[behaviour]
if (!misbehave) throw new Error(`unknown behaviour: ${behaviour}`)
let seen = 0
const server = createServer((request, response) => {
  seen += 1
  if (request.url === '/seen') {
    response.end(JSON.stringify(seen - 1))
    return
  }
  let body = ''
  request.on('data', chunk => {
    body += chunk
  })
  request.on('end', () => {
    let message = {}
    try {
      message = JSON.parse(body) ?? {}
    } catch {}
    if (request.method === 'POST') misbehave(response, message, request)
    else response.writeHead(200).end()
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
