import { gzipSync } from 'node:zlib'
import type { Message } from '../running-server.ts'
import type { Headers } from './remote-server.ts'

/** A valid call. */
export interface ValidCall {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The differences between a malformed request and a valid call. */
export interface Malformed {
  readonly headers?: Headers
  readonly body?: string | Buffer
}

/** Each has to end in a coded error. */
export const MALFORMED_REQUESTS: Readonly<Record<string, (good: ValidCall) => Malformed>> = {
  'an empty body': () => ({ body: '' }),
  'white space only': () => ({ body: ' \r\n\t ' }),
  'a body that is not JSON': () => ({ body: '{' }),
  'a form body': () => ({ body: 'method=tools/call' }),
  'a trailing comma': good => ({ body: good.body.replace(/\}$/, ',}') }),
  'two messages': good => ({ body: `${good.body}\n${good.body}` }),
  'a byte order mark': good => ({ body: `\ufeff${good.body}` }),
  'UTF-16': good => ({ body: Buffer.from(`\ufeff${good.body}`, 'utf16le') }),
  'an invalid byte at the end': good => ({ body: Buffer.concat([Buffer.from(good.body), Buffer.of(0xff)]) }),
  'a letter in Latin-1': good => {
    const note = (params: Message): Message => ({ ...params, _meta: { ...(params._meta as Message), note: '@@' } })
    const [before = '', after = ''] = withParams(good, note).body.split('@@')
    return { body: Buffer.concat([Buffer.from(before), Buffer.of(0xe9), Buffer.from(after)]) }
  },
  'an incomplete character at the end': good => ({ body: Buffer.concat([Buffer.from(good.body), Buffer.of(0xc3)]) }),
  'a gzip body with its Content-Encoding': good => ({
    headers: { 'Content-Encoding': 'gzip' },
    body: gzipSync(good.body),
  }),
  'a gzip body of 50 MB of zeros': () => ({
    headers: { 'Content-Encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(50_000_000)),
  }),
  'a number': () => ({ body: '1' }),
  'a JSON string': good => ({ body: JSON.stringify(good.body) }),
  null: () => ({ body: 'null' }),
  'an empty batch': () => ({ body: '[]' }),
  'a batch of one call': good => ({ body: `[${good.body}]` }),
  'a batch of two calls': good => ({ body: `[${good.body},${good.body}]` }),
  '50,000 nested lists': () => ({ body: '['.repeat(50_000) + ']'.repeat(50_000) }),
  'an argument of 500 nested lists': good => withArguments(good, `{"a":${'['.repeat(500)}${']'.repeat(500)}}`),
  'an argument of 50,000 nested lists': good => withArguments(good, `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
  'arguments of 20,000 nested objects': good => withArguments(good, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  // The arguments are valid, so that the lists are the only fault.
  '30,000 empty lists in _meta': good =>
    withParams(good, params => ({ ...params, _meta: { ...(params._meta as Message), lists: Array(30_000).fill([]) } })),
  // The other arguments are valid, so that this one is the only fault.
  'an argument named __proto__': good => {
    const [, args = ''] = /"arguments":(\{.*?\}),"_meta"/.exec(good.body) ?? []
    return withArguments(good, args.replace('{', '{"__proto__":{"admin":true},').replace(',}', '}'))
  },
  'params in __proto__': good =>
    withParams(good, ({ _meta, ...params }) =>
      JSON.parse(`{"__proto__":${JSON.stringify(params)},"_meta":${JSON.stringify(_meta)}}`),
    ),
  'params that are null': good => withParams(good, () => null),
  'params that are a list': good => withParams(good, params => [params]),
  'params that are a string': good => withParams(good, params => JSON.stringify(params)),
  'no params': good => withParams(good, () => undefined),
  'a _meta that is null': good => withParams(good, params => ({ ...params, _meta: null })),
  'a _meta that is a string': good => withParams(good, params => ({ ...params, _meta: 'x' })),
  'a _meta that is a list': good => withParams(good, params => ({ ...params, _meta: [params._meta] })),
  'an unknown tool name': good => withParams(good, params => ({ ...params, name: 'deleteEverything' })),
  'a name that is a list': good => withParams(good, params => ({ ...params, name: [params.name] })),
  'a space before the name': good => withParams(good, params => ({ ...params, name: ` ${params.name}` })),
  'a name of 100 kB': good => withParams(good, params => ({ ...params, name: 'a'.repeat(100_000) })),
  'arguments that are a list': good => withArguments(good, '[]'),
  'arguments that are a string': good => withArguments(good, '"{}"'),
  'an unknown argument': good => withArguments(good, '{"constructor":{"prototype":{}}}'),
  'another version of JSON-RPC': good => withFields(good, { jsonrpc: '1.0' }),
  'an id that is an object': good => withFields(good, { id: {} }),
  'an id that is null': good => withFields(good, { id: null }),
  'an id that is a fraction': good => withFields(good, { id: 1.5 }),
  'no id': good => withFields(good, { id: undefined }),
  'another content type': () => ({ headers: { 'Content-Type': 'text/plain' } }),
  'a content type that starts like the right one': () => ({ headers: { 'Content-Type': 'application/jsonx' } }),
  'the content type of a form': () => ({
    headers: { 'Content-Type': 'multipart/form-data; boundary=application/json' },
  }),
  'no content type': () => ({ headers: { 'Content-Type': undefined } }),
  'the name of another tool in Mcp-Name': () => ({ headers: { 'Mcp-Name': 'listDrafts' } }),
  'Mcp-Name twice with the same value': good => ({
    headers: { 'Mcp-Name': [String(good.headers['Mcp-Name']), String(good.headers['Mcp-Name'])] },
  }),
  'Mcp-Name twice with different values': good => ({
    headers: { 'Mcp-Name': [String(good.headers['Mcp-Name']), 'other'] },
  }),
  'no Mcp-Name': () => ({ headers: { 'Mcp-Name': undefined } }),
  'another Mcp-Method': () => ({ headers: { 'Mcp-Method': 'tools/list' } }),
  'Mcp-Method twice': () => ({ headers: { 'Mcp-Method': ['tools/call', 'tools/call'] } }),
  'no Mcp-Method': () => ({ headers: { 'Mcp-Method': undefined } }),
  'another protocol version in the header': () => ({ headers: { 'MCP-Protocol-Version': '2025-06-18' } }),
  'an unknown protocol version in the header': () => ({ headers: { 'MCP-Protocol-Version': '2999-01-01' } }),
  'no protocol version in the header': () => ({ headers: { 'MCP-Protocol-Version': undefined } }),
  'an unknown session id': good => ({
    ...withParams(good, ({ name, arguments: args }) => ({ name, arguments: args })),
    headers: { 'Mcp-Session-Id': '00000000-0000-4000-8000-000000000000', 'MCP-Protocol-Version': '2025-06-18' },
  }),
  'no session id in a legacy request': good => ({
    ...withParams(good, ({ name, arguments: args }) => ({ name, arguments: args })),
    headers: { 'MCP-Protocol-Version': '2025-06-18' },
  }),
}

/** Requests that programs can parse in different ways: their header lines, and the bytes after the headers. */
export const AMBIGUOUS: readonly (readonly [title: string, lines: readonly string[], rest: string])[] = [
  ['two lengths', ['Content-Length: 2', 'Content-Length: 200'], '{}'],
  ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
  ['a negative length', ['Content-Length: -1'], '{}'],
  ['a length with a sign', ['Content-Length: +2'], '{}'],
  ['a hexadecimal length', ['Content-Length: 0x2'], '{}'],
  ['an unknown transfer encoding', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['nested chunks', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  ['a chunk with an invalid length', ['Transfer-Encoding: chunked'], 'x\r\n{}\r\n0\r\n\r\n'],
  ['a chunk that is longer than its length', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'],
  ['a space before a colon', ['Content-Length : 2'], '{}'],
  ['a folded header', ['X-A: b', ' Content-Length: 2'], '{}'],
  ['a line feed without a carriage return', ['X-A: b\nContent-Length: 2'], '{}'],
  ['a null character in a header', ['X-A: b\0'], '{}'],
]

function withFields({ body }: ValidCall, fields: Message): { body: string } {
  return { body: JSON.stringify({ ...JSON.parse(body), ...fields }) }
}

function withParams(good: ValidCall, change: (params: Message) => unknown): { body: string } {
  return withFields(good, { params: change((JSON.parse(good.body) as { params: Message }).params) })
}

/** @param text JSON, which may be text that JSON.stringify cannot produce */
function withArguments(good: ValidCall, text: string): { body: string } {
  return { body: withParams(good, params => ({ ...params, arguments: '@' })).body.replace('"@"', () => text) }
}
