import { gzipSync } from 'node:zlib'
import type { Message } from '../running-server.ts'
import type { Headers } from './remote-server.ts'

/** A call that would be carried out. */
export interface GoodCall {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A request that is no call, though it may look like one: what is not here is as in a good one. */
export interface Odd {
  readonly headers?: Headers
  readonly body?: string | Buffer
}

/** Each has to end in a coded error. */
export const ODD: Readonly<Record<string, (good: GoodCall) => Odd>> = {
  'no body': () => ({ body: '' }),
  'blanks alone': () => ({ body: ' \r\n\t ' }),
  'what is not JSON': () => ({ body: '{' }),
  'a form': () => ({ body: 'method=tools/call' }),
  'JSON with a comma too many': good => ({ body: good.body.replace(/\}$/, ',}') }),
  'two messages': good => ({ body: `${good.body}\n${good.body}` }),
  'a byte order mark': good => ({ body: `\ufeff${good.body}` }),
  'UTF-16': good => ({ body: Buffer.from(`\ufeff${good.body}`, 'utf16le') }),
  'what is not UTF-8': good => ({ body: Buffer.concat([Buffer.from(good.body), Buffer.of(0xff)]) }),
  'a letter in Latin-1': good => {
    const note = (params: Message): Message => ({ ...params, _meta: { ...(params._meta as Message), note: '@@' } })
    const [before = '', after = ''] = withParams(good, note).body.split('@@')
    return { body: Buffer.concat([Buffer.from(before), Buffer.of(0xe9), Buffer.from(after)]) }
  },
  'half of a letter': good => ({ body: Buffer.concat([Buffer.from(good.body), Buffer.of(0xc3)]) }),
  'gzip, and says so': good => ({ headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(good.body) }),
  'gzip of a gigabyte’s name': () => ({
    headers: { 'Content-Encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(50_000_000)),
  }),
  'a number': () => ({ body: '1' }),
  'a text': good => ({ body: JSON.stringify(good.body) }),
  null: () => ({ body: 'null' }),
  'an empty batch': () => ({ body: '[]' }),
  'a batch of one call': good => ({ body: `[${good.body}]` }),
  'a batch of two calls': good => ({ body: `[${good.body},${good.body}]` }),
  'fifty thousand lists, one in another': () => ({ body: '['.repeat(50_000) + ']'.repeat(50_000) }),
  'an argument of five hundred levels': good => withArguments(good, `{"a":${'['.repeat(500)}${']'.repeat(500)}}`),
  'an argument of fifty thousand levels': good =>
    withArguments(good, `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
  'arguments of twenty thousand levels of objects': good =>
    withArguments(good, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  // Beside good ones, so that it is all that is wrong. Each is kept for as long as the call is open.
  'thirty thousand empty lists beside it': good =>
    withParams(good, params => ({ ...params, _meta: { ...(params._meta as Message), lists: Array(30_000).fill([]) } })),
  // Beside good ones, so that it is all that is wrong.
  'an argument named __proto__': good => {
    const [, args = ''] = /"arguments":(\{.*?\}),"_meta"/.exec(good.body) ?? []
    return withArguments(good, args.replace('{', '{"__proto__":{"admin":true},').replace(',}', '}'))
  },
  'params behind __proto__': good =>
    withParams(good, ({ _meta, ...params }) =>
      JSON.parse(`{"__proto__":${JSON.stringify(params)},"_meta":${JSON.stringify(_meta)}}`),
    ),
  'params that are null': good => withParams(good, () => null),
  'params that are a list': good => withParams(good, params => [params]),
  'params that are a text': good => withParams(good, params => JSON.stringify(params)),
  'no params': good => withParams(good, () => undefined),
  'an envelope that is null': good => withParams(good, params => ({ ...params, _meta: null })),
  'an envelope that is a text': good => withParams(good, params => ({ ...params, _meta: 'x' })),
  'an envelope that is a list': good => withParams(good, params => ({ ...params, _meta: [params._meta] })),
  'the name of no tool': good => withParams(good, params => ({ ...params, name: 'deleteEverything' })),
  'a name that is a list': good => withParams(good, params => ({ ...params, name: [params.name] })),
  'a name behind blanks': good => withParams(good, params => ({ ...params, name: ` ${params.name}` })),
  'a name of a hundred kilobytes': good => withParams(good, params => ({ ...params, name: 'a'.repeat(100_000) })),
  'arguments that are a list': good => withArguments(good, '[]'),
  'arguments that are a text': good => withArguments(good, '"{}"'),
  'an argument that nobody knows': good => withArguments(good, '{"constructor":{"prototype":{}}}'),
  'another version of JSON-RPC': good => withFields(good, { jsonrpc: '1.0' }),
  'an id that is an object': good => withFields(good, { id: {} }),
  'an id that is null': good => withFields(good, { id: null }),
  'an id that is no whole number': good => withFields(good, { id: 1.5 }),
  'no id': good => withFields(good, { id: undefined }),
  'another content type': () => ({ headers: { 'Content-Type': 'text/plain' } }),
  'a content type that begins like the right one': () => ({ headers: { 'Content-Type': 'application/jsonx' } }),
  'the content type of a form': () => ({
    headers: { 'Content-Type': 'multipart/form-data; boundary=application/json' },
  }),
  'no content type': () => ({ headers: { 'Content-Type': undefined } }),
  'the name of another tool in Mcp-Name': () => ({ headers: { 'Mcp-Name': 'listDrafts' } }),
  'Mcp-Name twice, the same': good => ({
    headers: { 'Mcp-Name': [String(good.headers['Mcp-Name']), String(good.headers['Mcp-Name'])] },
  }),
  'Mcp-Name twice, not the same': good => ({
    headers: { 'Mcp-Name': [String(good.headers['Mcp-Name']), 'other'] },
  }),
  'no Mcp-Name': () => ({ headers: { 'Mcp-Name': undefined } }),
  'another Mcp-Method': () => ({ headers: { 'Mcp-Method': 'tools/list' } }),
  'Mcp-Method twice': () => ({ headers: { 'Mcp-Method': ['tools/call', 'tools/call'] } }),
  'no Mcp-Method': () => ({ headers: { 'Mcp-Method': undefined } }),
  'another protocol version beside it': () => ({ headers: { 'MCP-Protocol-Version': '2025-06-18' } }),
  'a protocol version that nobody knows': () => ({ headers: { 'MCP-Protocol-Version': '2999-01-01' } }),
  'no protocol version beside it': () => ({ headers: { 'MCP-Protocol-Version': undefined } }),
  'the name of a session that there is not': good => ({
    ...withParams(good, ({ name, arguments: args }) => ({ name, arguments: args })),
    headers: { 'Mcp-Session-Id': '00000000-0000-4000-8000-000000000000', 'MCP-Protocol-Version': '2025-06-18' },
  }),
  'no session, where it has to have one': good => ({
    ...withParams(good, ({ name, arguments: args }) => ({ name, arguments: args })),
    headers: { 'MCP-Protocol-Version': '2025-06-18' },
  }),
}

/** Requests whose end, or whose headers, can be told in two ways: lines of the head, and what follows. */
export const AMBIGUOUS: readonly (readonly [title: string, lines: readonly string[], rest: string])[] = [
  ['two lengths', ['Content-Length: 2', 'Content-Length: 200'], '{}'],
  ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
  ['a length below nothing', ['Content-Length: -1'], '{}'],
  ['a length with a sign', ['Content-Length: +2'], '{}'],
  ['a length in another notation', ['Content-Length: 0x2'], '{}'],
  ['an encoding that nobody knows', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['chunks within chunks', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  ['a chunk of no length', ['Transfer-Encoding: chunked'], 'x\r\n{}\r\n0\r\n\r\n'],
  ['a chunk longer than it says', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'],
  ['a space before a colon', ['Content-Length : 2'], '{}'],
  ['a header that goes on in a second line', ['X-A: b', ' Content-Length: 2'], '{}'],
  ['a line break without its other half', ['X-A: b\nContent-Length: 2'], '{}'],
  ['a null character in a header', ['X-A: b\0'], '{}'],
]

function withFields({ body }: GoodCall, fields: Message): { body: string } {
  return { body: JSON.stringify({ ...JSON.parse(body), ...fields }) }
}

function withParams(good: GoodCall, change: (params: Message) => unknown): { body: string } {
  return withFields(good, { params: change((JSON.parse(good.body) as { params: Message }).params) })
}

/** @param text JSON that no program of ours would write */
function withArguments(good: GoodCall, text: string): { body: string } {
  return { body: withParams(good, params => ({ ...params, arguments: '@' })).body.replace('"@"', () => text) }
}
