import { type Hostile, hostileValues } from './hostile-values.ts'
import { nested, RawJson, toLine } from './raw-json.ts'
import type { Era, Message } from './running-server.ts'
import type { ToolSubject } from './subject.ts'

/** A line of a client that the server must refuse. */
export interface HostileCall {
  readonly title: string
  /** The line without its line break. */
  readonly line: string | Buffer
  /** The id of the error. If it is undefined, the server may reply with errors without an id, or not at all. */
  readonly id?: string | number
  /** The number of terminal records that it must have. */
  readonly calls: number
}

export interface Target {
  readonly tool: ToolSubject
  readonly era: Era
  /** Returns valid arguments. */
  readonly valid: () => Record<string, unknown>
  /** Adds the parameters that the era requires. */
  readonly params: (params: Message) => Message
  readonly outside: string
  readonly canary: string
}

let count = 0

/** A call that is valid except for the change. */
function call(target: Target, title: string, change: (message: Message & { params: Message }) => unknown): HostileCall {
  count += 1
  const id = `hostile-${count}`
  const params = target.params({ name: target.tool.name, arguments: target.valid() })
  const changed = change({ jsonrpc: '2.0', id, method: 'tools/call', params })
  return { title: `${target.tool.name}: ${title}`, line: toLine(changed), id, calls: 1 }
}

/** A call that is valid except for the change, and has no valid id. */
function unanswerable(target: Target, title: string, change: Parameters<typeof call>[2]): HostileCall {
  const { id: _, ...rest } = call(target, title, change)
  return rest
}

function withParams(target: Target, title: string, params: Message): HostileCall {
  return call(target, title, message => ({ ...message, params: { ...message.params, ...params } }))
}

function withMeta(target: Target, title: string, meta: Message): HostileCall {
  return call(target, title, message => {
    const { _meta } = message.params
    return { ...message, params: { ...message.params, _meta: { ...(_meta as Message | undefined), ...meta } } }
  })
}

/** Calls with invalid arguments. */
export function hostileArguments(target: Target): HostileCall[] {
  const { tool, valid, outside, canary } = target
  const entries = Object.entries(tool.fields)
  const required = entries.filter(([, field]) => !field.optional).map(([name]) => name)
  const wrong = entries.flatMap(([name, field]) =>
    hostileValues({ field, sample: valid()[name], outside, canary }).map(
      ([title, value]): Hostile => [`${name} is ${printable(title)}`, { ...valid(), [name]: value }],
    ),
  )
  const missing = required.map((name): Hostile => [`${name} is missing`, { ...valid(), [name]: undefined }])
  const cases: Hostile[] = [
    ...wrong,
    ...missing,
    ...(required.length > 0 ? ([['empty arguments', {}]] as const) : []),
    ...unknownArguments(target),
    ['arguments that are a list', [valid()]],
    ['arguments that are a list of values', Object.values(valid())],
    ['arguments that are a string', canary],
    ['arguments that are JSON in a string', JSON.stringify(valid())],
    ['arguments that are a number', 7],
    ['arguments that are true', true],
    ['arguments that are null', null],
    ['arguments that are 10,000 nested lists', nested(10_000)],
    ['arguments that are 1,000,000 nested lists', nested(1_000_000)],
  ]
  return [
    ...cases.map(([title, value]) => withParams(target, title, { arguments: value })),
    ...(required.length > 0 ? [withParams(target, 'no arguments', { arguments: undefined })] : []),
    brokenText(target),
  ]
}

/** Unknown arguments in addition to valid ones. */
function unknownArguments({ valid, canary }: Target): Hostile[] {
  const names = [
    canary,
    'confirm',
    'confirmed',
    'force',
    'dryRun',
    'url',
    'path',
    'command',
    'sql',
    'headers',
    'apiKey',
    '_meta',
    'toString',
    'constructor',
    'hasOwnProperty',
    '',
    ' ',
    ...Object.keys(valid()).flatMap(name => [name.toUpperCase(), `${name} `, `${name}\0`, `${name}[]`]),
  ]
  return [
    ...names.map(
      (name): Hostile => [`the unknown argument ${printable(JSON.stringify(name))}`, { ...valid(), [name]: true }],
    ),
    ['an argument named __proto__', { ...valid(), ...ownPrototype({ polluted: canary }) }],
    [
      'an argument named constructor with a prototype',
      { ...valid(), constructor: { prototype: { polluted: canary } } },
    ],
    ['an argument with a name of 1 MB', { ...valid(), [canary.repeat(60_000)]: 1 }],
    ['a thousand arguments', { ...valid(), ...Object.fromEntries(numbers(1000).map(n => [`${canary}${n}`, canary])) }],
  ]
}

/** Calls with valid arguments, in which something else is invalid. */
export function hostileEnvelopes(target: Target): HostileCall[] {
  const { tool, canary, era } = target
  const names: Hostile[] = [
    ['missing', undefined],
    ['null', null],
    ['a number', 7],
    ['a list', [tool.name]],
    ['an object', { name: tool.name }],
    ['empty', ''],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['toString', 'toString'],
    ['in upper case', tool.name.toUpperCase()],
    ['followed by a space', `${tool.name} `],
    ['followed by a null character', `${tool.name}\0`],
    ['followed by a zero-width space', `${tool.name}\u200b`],
    ['runCommand', 'runCommand'],
    ['after "delete"', `delete${tool.name}`],
    ['a path', `../${tool.name}`],
    ['a method', 'tools/list'],
    ['an unknown text', `${canary} ${canary}`],
    ['of 1 MB', canary.repeat(60_000)],
  ]
  const answers: Hostile[] = [
    ['an answer without a request', { inputResponses: accepted() }],
    ['an answer with a malformed state', { inputResponses: accepted(), requestState: 'garbage' }],
    ['an answer with an empty state', { inputResponses: accepted(), requestState: '' }],
    ['an answer with a forged state', { inputResponses: accepted(), requestState: forgedState() }],
    ['an answer with a state of 1 MB', { inputResponses: accepted(), requestState: 'A'.repeat(1024 * 1024) }],
    ['an answer with a state that is a number', { inputResponses: accepted(), requestState: 1 }],
    ['an answer with a state that is null', { inputResponses: accepted(), requestState: null }],
    ['an answer with a state that is an object', { inputResponses: accepted(), requestState: { valid: true } }],
    ['an answer with a state that is a list', { inputResponses: accepted(), requestState: ['x'] }],
    ['a state without an answer', { requestState: forgedState() }],
    ['answers that are null', { inputResponses: null }],
    ['answers that are a string', { inputResponses: 'yes' }],
    ['answers that are a list', { inputResponses: [{ action: 'accept' }] }],
    ['a thousand answers', { inputResponses: Object.fromEntries(numbers(1000).map(n => [n, accepted().confirm])) }],
    ['an answer in the prototype', { inputResponses: ownPrototype(accepted()) }],
  ]
  const metas: Hostile[] = [
    ['null', null],
    ['a string', canary],
    ['a number', 7],
    ['a list', []],
    ['true', true],
  ]
  const versions = [undefined, null, 2, '1.0', '2', '', ['2.0']]
  const calls = [
    ...names.map(([title, name]) => withParams(target, `a name that is ${title}`, { name })),
    ...answers.map(([title, extra]) => withParams(target, title, extra as Message)),
    ...metas.map(([title, _meta]) => withParams(target, `_meta is ${title}`, { _meta })),
    withMeta(target, 'a progress token that is an object', { progressToken: {} }),
    withMeta(target, 'a progress token that is null', { progressToken: null }),
    ...[null, [], [target.valid()], canary, 7, true].map(params =>
      call(target, `params are ${printable(JSON.stringify(params))}`, message => ({ ...message, params })),
    ),
    call(target, 'no params', ({ params: _, ...message }) => message),
    ...versions.map(jsonrpc =>
      call(target, `jsonrpc is ${JSON.stringify(jsonrpc)}`, message => ({ ...message, jsonrpc })),
    ),
    call(target, 'a result in the same message', message => ({ ...message, result: {} })),
    call(target, 'an error in the same message', message => ({ ...message, error: { code: 1, message: canary } })),
  ]
  return era === 'modern' ? [...calls, ...hostileModernEnvelopes(target)] : calls
}

/** Calls with an invalid _meta, which each modern request must have. */
function hostileModernEnvelopes(target: Target): HostileCall[] {
  const version = 'io.modelcontextprotocol/protocolVersion'
  const client = 'io.modelcontextprotocol/clientInfo'
  const capabilities = 'io.modelcontextprotocol/clientCapabilities'
  return [
    ...[null, 7, [], {}].map(value =>
      withMeta(target, `a protocol version that is ${printable(JSON.stringify(value))}`, { [version]: value }),
    ),
    ...[null, 7, 'x', []].map(value =>
      withMeta(target, `client capabilities that are ${JSON.stringify(value)}`, { [capabilities]: value }),
    ),
    ...[null, 7, 'x', []].map(value =>
      withMeta(target, `a client that is ${JSON.stringify(value)}`, { [client]: value }),
    ),
    withParams(target, 'no _meta', { _meta: undefined }),
    withParams(target, 'an empty _meta', { _meta: {} }),
  ]
}

/** Lines that are not valid requests. */
export function hostileLines(target: Target): HostileCall[] {
  const { canary } = target
  const ids: Hostile[] = [
    ['null', null],
    ['an object', {}],
    ['a list', [1]],
    ['true', true],
    ['a fraction', 1.5],
    ['a number that is not safe', new RawJson('9007199254740993')],
    ['a number that is too large', new RawJson('1e999')],
  ]
  const good = (id: unknown): Message => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: target.params({ name: target.tool.name, arguments: target.valid() }),
  })
  const withoutId = (title: string, line: string | Buffer, calls: number): HostileCall => ({ title, line, calls })
  const text = toLine(good('x'))
  return [
    unanswerable(target, 'a notification', ({ id: _, ...message }) => message),
    ...ids.map(([title, id]) => unanswerable(target, `an id that is ${title}`, message => ({ ...message, id }))),
    withoutId('a batch', toLine([good('a'), good('b')]), 1),
    withoutId('an empty batch', '[]', 1),
    withoutId('text that is not JSON', canary, 1),
    withoutId('an incomplete call', text.slice(0, -1), 1),
    withoutId('two calls on a line', text + text, 1),
    withoutId('a call in single quotes', text.replaceAll('"', "'"), 1),
    withoutId('a call with a comment', text.replace('{', '{/* x */'), 1),
    withoutId('the id NaN', text.replace(/"id":"x"/, '"id":NaN'), 1),
    withoutId('a string', '"tools/call"', 1),
    withoutId('a number', '7', 1),
    withoutId('null', 'null', 1),
    withoutId('an empty object', '{}', 1),
    withoutId('a method that is an object', '{"jsonrpc":"2.0","id":"x","method":{"name":"tools/call"}}', 1),
    withoutId('a byte-order mark before a call', `\ufeff${text}`, 1),
    withoutId('a call in UTF-16', Buffer.from(text, 'utf16le'), 1),
    withoutId('invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0xaf, 0x7d]), 1),
    withoutId('a line of 10 MB', toLine({ ...good('x'), padding: 'x'.repeat(10 * 1024 * 1024) }), 1),
    withoutId('a line of 10 MB that is not JSON', 'x'.repeat(10 * 1024 * 1024), 1),
    withoutId('empty lines', '\n\n   \n\t', 0),
    withoutId('carriage returns', '\r\n\r\n\r', 0),
    endedByReturn(
      withParams(target, 'an unknown name on a line that ends with a carriage return', { name: 'nothing' }),
    ),
    withoutId('a result without a request', '{"jsonrpc":"2.0","id":4711,"result":{"action":"accept"}}', 0),
    ...numbers(5).map(id =>
      withoutId('an answer before the request', toLine({ jsonrpc: '2.0', id, result: accepted().confirm }), 0),
    ),
    withoutId('an error without a request', '{"jsonrpc":"2.0","id":4711,"error":{"code":1,"message":"x"}}', 0),
    withoutId('a malformed result', '{"jsonrpc":"2.0","id":{},"result":7}', 0),
    withoutId('a cancellation of an unknown id', cancellation(target, { requestId: 'nothing' }), 0),
    withoutId('a cancellation of an object', cancellation(target, { requestId: {} }), 0),
    withoutId('a cancellation without params', '{"jsonrpc":"2.0","method":"notifications/cancelled"}', 0),
    withoutId(
      'progress of an unknown request',
      notification(target, 'notifications/progress', { progressToken: 1, progress: 1 }),
      0,
    ),
    withoutId('an unknown notification', notification(target, 'notifications/__proto__', {}), 0),
  ]
}

function endedByReturn(hostile: HostileCall): HostileCall {
  return { ...hostile, line: `${hostile.line}\r` }
}

/** A call that is valid except for invalid UTF-8. A decoder that replaces it would change the argument. */
function brokenText(target: Target): HostileCall {
  const [before = '', after = ''] = unanswerable(target, 'x', message => ({
    ...message,
    params: { ...message.params, arguments: withSplit(target.valid()) },
  }))
    .line.toString()
    .split(SPLIT)
  const line = Buffer.concat([Buffer.from(before), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(after)])
  return { title: `${target.tool.name}: an argument with invalid UTF-8`, line, calls: 1 }
}

const SPLIT = '@@split@@'

/** Marks the end of the longest text, which is the least likely to be refused for another reason. */
function withSplit(args: Record<string, unknown>): Record<string, unknown> {
  const [longest] = Object.entries(args).sort(([, a], [, b]) => String(b).length - String(a).length)
  return longest ? { ...args, [longest[0]]: `${String(longest[1])}${SPLIT}` } : { ...args, [SPLIT]: 1 }
}

function cancellation(target: Target, params: Message): string {
  return notification(target, 'notifications/cancelled', params)
}

function notification({ params }: Target, method: string, of: Message): string {
  return toLine({ jsonrpc: '2.0', method, params: params(of) })
}

/** An object with an own property named `__proto__`. */
function ownPrototype(value: unknown): Record<string, unknown> {
  return JSON.parse(`{"__proto__":${JSON.stringify(value)}}`)
}

function accepted() {
  return { confirm: { action: 'accept', content: { confirm: true } } }
}

/** A state of the right form with an invalid seal. */
function forgedState(): string {
  const state = ['binding', 'call', 'nonce', Date.now() + 60_000, '0'.repeat(32)]
  return `${Buffer.from(JSON.stringify(state)).toString('base64url')}.${'A'.repeat(43)}`
}

function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index)
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 60)).slice(1, -1)
}
