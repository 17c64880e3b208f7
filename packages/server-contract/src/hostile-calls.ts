import { type Hostile, hostileValues } from './hostile-values.ts'
import { nested, RawJson, toLine } from './raw-json.ts'
import type { Era, Message } from './running-server.ts'
import type { ToolSubject } from './subject.ts'

/** Something that a client sends and that must come to nothing. */
export interface HostileCall {
  readonly title: string
  /** What is written, less the last newline. */
  readonly line: string | Buffer
  /** The id under which an error must come back; without one, errors for nobody may come back, and nothing else. */
  readonly id?: string | number
  /** How many calls the audit log must show for it. */
  readonly calls: number
}

export interface Target {
  readonly tool: ToolSubject
  readonly era: Era
  /** Arguments that work. */
  readonly valid: () => Record<string, unknown>
  /** Params as the era wants them. */
  readonly params: (params: Message) => Message
  readonly outside: string
  readonly canary: string
}

let count = 0

/** A call of one tool that is right but for what `change` makes of it. */
function call(target: Target, title: string, change: (message: Message & { params: Message }) => unknown): HostileCall {
  count += 1
  const id = `hostile-${count}`
  const params = target.params({ name: target.tool.name, arguments: target.valid() })
  const changed = change({ jsonrpc: '2.0', id, method: 'tools/call', params })
  return { title: `${target.tool.name}: ${title}`, line: toLine(changed), id, calls: 1 }
}

/** The same, and it cannot be answered: its id is none. */
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

/** Arguments that the tool does not take. */
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
    ...(required.length > 0 ? ([['nothing is given', {}]] as const) : []),
    ...unknownArguments(target),
    ['a list', [valid()]],
    ['a list of values', Object.values(valid())],
    ['a text', canary],
    ['JSON in a text', JSON.stringify(valid())],
    ['a number', 7],
    ['true', true],
    ['null', null],
    ['ten thousand lists in one another', nested(10_000)],
    ['a million lists in one another', nested(1_000_000)],
  ]
  return [
    ...cases.map(([title, value]) => withParams(target, title, { arguments: value })),
    ...(required.length > 0 ? [withParams(target, 'no arguments', { arguments: undefined })] : []),
    brokenText(target),
  ]
}

/** Each beside arguments that are right, which therefore must not count. */
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
    ['a prototype', { ...valid(), ...ownPrototype({ polluted: canary }) }],
    ['a constructor with a prototype', { ...valid(), constructor: { prototype: { polluted: canary } } }],
    ['an argument with a name of a megabyte', { ...valid(), [canary.repeat(60_000)]: 1 }],
    ['a thousand arguments', { ...valid(), ...Object.fromEntries(numbers(1000).map(n => [`${canary}${n}`, canary])) }],
  ]
}

/** All that stands round the arguments. */
export function hostileEnvelopes(target: Target): HostileCall[] {
  const { tool, canary, era } = target
  const names: Hostile[] = [
    ['missing', undefined],
    ['null', null],
    ['a number', 7],
    ['a list', [tool.name]],
    ['an object', { name: tool.name }],
    ['empty', ''],
    ['a prototype', '__proto__'],
    ['a constructor', 'constructor'],
    ['toString', 'toString'],
    ['in capitals', tool.name.toUpperCase()],
    ['with a blank', `${tool.name} `],
    ['with a NUL', `${tool.name}\0`],
    ['with a zero-width space', `${tool.name}\u200b`],
    ['of a shell', 'runCommand'],
    ['of a delete', `delete${tool.name}`],
    ['a path', `../${tool.name}`],
    ['a method', 'tools/list'],
    ['a secret', `${canary} ${canary}`],
    ['a megabyte', canary.repeat(60_000)],
  ]
  const answers: Hostile[] = [
    ['an answer that was not asked for', { inputResponses: accepted() }],
    ['an answer with garbage for a state', { inputResponses: accepted(), requestState: 'garbage' }],
    ['an answer with an empty state', { inputResponses: accepted(), requestState: '' }],
    ['an answer with a forged state', { inputResponses: accepted(), requestState: forgedState() }],
    ['an answer with a state of a megabyte', { inputResponses: accepted(), requestState: 'A'.repeat(1024 * 1024) }],
    ['an answer with a number for a state', { inputResponses: accepted(), requestState: 1 }],
    ['an answer with null for a state', { inputResponses: accepted(), requestState: null }],
    ['an answer with an object for a state', { inputResponses: accepted(), requestState: { valid: true } }],
    ['an answer with a list for a state', { inputResponses: accepted(), requestState: ['x'] }],
    ['a state without an answer', { requestState: forgedState() }],
    ['answers that are null', { inputResponses: null }],
    ['answers that are a text', { inputResponses: 'yes' }],
    ['answers that are a list', { inputResponses: [{ action: 'accept' }] }],
    ['answers to everything', { inputResponses: Object.fromEntries(numbers(1000).map(n => [n, accepted().confirm])) }],
    ['an answer by the prototype', { inputResponses: ownPrototype(accepted()) }],
  ]
  const metas: Hostile[] = [
    ['null', null],
    ['a text', canary],
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
    call(target, 'an answer in the same message', message => ({ ...message, result: {} })),
    call(target, 'an error in the same message', message => ({ ...message, error: { code: 1, message: canary } })),
  ]
  return era === 'modern' ? [...calls, ...hostileModernEnvelopes(target)] : calls
}

/** What the later era wants with each request. */
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
    withParams(target, 'no envelope', { _meta: undefined }),
    withParams(target, 'an empty envelope', { _meta: {} }),
  ]
}

/** All that is no request. */
export function hostileLines(target: Target): HostileCall[] {
  const { canary } = target
  const ids: Hostile[] = [
    ['null', null],
    ['an object', {}],
    ['a list', [1]],
    ['true', true],
    ['a fraction', 1.5],
    ['beyond the safe numbers', new RawJson('9007199254740993')],
    ['beyond all numbers', new RawJson('1e999')],
  ]
  const good = (id: unknown): Message => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: target.params({ name: target.tool.name, arguments: target.valid() }),
  })
  const nobody = (title: string, line: string | Buffer, calls: number): HostileCall => ({ title, line, calls })
  const text = toLine(good('x'))
  return [
    unanswerable(target, 'a notification', ({ id: _, ...message }) => message),
    ...ids.map(([title, id]) => unanswerable(target, `an id that is ${title}`, message => ({ ...message, id }))),
    nobody('a batch', toLine([good('a'), good('b')]), 1),
    nobody('an empty batch', '[]', 1),
    nobody('no JSON', canary, 1),
    nobody('half a call', text.slice(0, -1), 1),
    nobody('two calls on a line', text + text, 1),
    nobody('a call in single quotes', text.replaceAll('"', "'"), 1),
    nobody('a call with a comment', text.replace('{', '{/* x */'), 1),
    nobody('not a number', text.replace(/"id":"x"/, '"id":NaN'), 1),
    nobody('a text', '"tools/call"', 1),
    nobody('a number', '7', 1),
    nobody('null', 'null', 1),
    nobody('an empty object', '{}', 1),
    nobody('a method that is an object', '{"jsonrpc":"2.0","id":"x","method":{"name":"tools/call"}}', 1),
    nobody('a byte-order mark before a call', `\ufeff${text}`, 1),
    nobody('a call in UTF-16', Buffer.from(text, 'utf16le'), 1),
    nobody('bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0xaf, 0x7d]), 1),
    nobody('a line of 10 MB', toLine({ ...good('x'), padding: 'x'.repeat(10 * 1024 * 1024) }), 1),
    nobody('a line of 10 MB that is no JSON', 'x'.repeat(10 * 1024 * 1024), 1),
    nobody('empty lines', '\n\n   \n\t', 0),
    nobody('carriage returns', '\r\n\r\n\r', 0),
    endedByReturn(
      withParams(target, 'a name that is no tool’s, on a line with a carriage return', { name: 'nothing' }),
    ),
    nobody('an answer to nothing', '{"jsonrpc":"2.0","id":4711,"result":{"action":"accept"}}', 0),
    ...numbers(5).map(id =>
      nobody('an answer before the question', toLine({ jsonrpc: '2.0', id, result: accepted().confirm }), 0),
    ),
    nobody('an error to nothing', '{"jsonrpc":"2.0","id":4711,"error":{"code":1,"message":"x"}}', 0),
    nobody('a malformed answer', '{"jsonrpc":"2.0","id":{},"result":7}', 0),
    nobody('a cancellation of nothing', cancellation(target, { requestId: 'nothing' }), 0),
    nobody('a cancellation of an object', cancellation(target, { requestId: {} }), 0),
    nobody('a cancellation without params', '{"jsonrpc":"2.0","method":"notifications/cancelled"}', 0),
    nobody('progress of nothing', notification(target, 'notifications/progress', { progressToken: 1, progress: 1 }), 0),
    nobody('a notification that nobody knows', notification(target, 'notifications/__proto__', {}), 0),
  ]
}

function endedByReturn(hostile: HostileCall): HostileCall {
  return { ...hostile, line: `${hostile.line}\r` }
}

/** A text that cannot be decoded, in a call that is right otherwise: whoever replaces the bytes acts on other text. */
function brokenText(target: Target): HostileCall {
  const [before = '', after = ''] = unanswerable(target, 'x', message => ({
    ...message,
    params: { ...message.params, arguments: withSplit(target.valid()) },
  }))
    .line.toString()
    .split(SPLIT)
  const line = Buffer.concat([Buffer.from(before), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(after)])
  return { title: `${target.tool.name}: an argument that is no UTF-8`, line, calls: 1 }
}

const SPLIT = '@@split@@'

/** Marks the end of the longest text: the one that is least likely to be refused for another reason. */
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

/** A property of that very name, as JSON can have it. */
function ownPrototype(value: unknown): Record<string, unknown> {
  return JSON.parse(`{"__proto__":${JSON.stringify(value)}}`)
}

function accepted() {
  return { confirm: { action: 'accept', content: { confirm: true } } }
}

/** Of the right shape, sealed with nothing. */
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
