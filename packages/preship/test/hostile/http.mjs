// A server over HTTP that misbehaves: node http.mjs BEHAVIOUR. It says on standard output on which port.
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

/** Answers the list of tools in its own way, and all else as it should be. */
const listing = answer => (response, message, request) =>
  message.method === 'tools/list' ? answer(response, message, request) : json(response, message)

/** Without minding that whoever reads goes away. */
function pourInto(response, text) {
  response.on('close', () => response.removeAllListeners('drain'))
  const go = () => {
    while (!response.destroyed && response.write(text));
    if (!response.destroyed) response.once('drain', go)
  }
  go()
}

const BEHAVIOURS = {
  'good behaviour': json,
  'redirects round and round'(response, _, { url }) {
    response.writeHead(307, { Location: `${url}?` }).end()
  },
  'a redirect to somebody else'(response) {
    response.writeHead(308, { Location: process.argv[3] }).end()
  },
  'events that drip': listing(response => {
    response.writeHead(200, EVENTS)
    setInterval(() => response.write(':'), 100)
  }),
  'events without end': listing(response => {
    response.writeHead(200, EVENTS)
    pourInto(response, 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'.repeat(500))
  }),
  'an event without end': listing(response => {
    response.writeHead(200, EVENTS)
    pourInto(response, `data: ${'x'.repeat(1_000)}\n`.repeat(64))
  }),
  'chunks without end': listing(response => {
    response.writeHead(200, JSON_TYPE)
    pourInto(response, BLOCK)
  }),
  'a body that breaks off': listing(response => {
    response.writeHead(200, { ...JSON_TYPE, 'Content-Length': '1000' })
    response.write('{"jsonrpc"', () => response.destroy())
  }),
  'headers without end': listing(response => {
    for (let n = 0; n < 400; n += 1) response.setHeader(`x-${n}`, 'x'.repeat(1_000))
    response.writeHead(200, JSON_TYPE).end('{}')
  }),
  'a little that unpacks to a lot': listing(response => {
    response.writeHead(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' })
    const packed = createGzip()
    packed.pipe(response)
    response.on('close', () => packed.destroy())
    pour(packed, '\0'.repeat(64 * 1024))
  }),
  'nothing at all': () => {},
  'a closed door'(response) {
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
  },
  'a page of its own'(response) {
    response.writeHead(500, { 'Content-Type': 'text/html' }).end(`<h1>${ESCAPES}</h1>`)
  },
}

const [, , behaviour = ''] = process.argv
const misbehave = BEHAVIOURS[behaviour]
if (!misbehave) throw new Error(`no such behaviour: ${behaviour}`)
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
