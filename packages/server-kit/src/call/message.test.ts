import { describe, expect, it } from 'vitest'
import { parseMessage } from './message.ts'

const parse = (text: string) => parseMessage(Buffer.from(text))

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call' }

/** JSON of a call whose arguments have `levels` objects or lists in each other. The message itself is three more. */
function nestedCall(levels: number, open = '{"a":', close = '}'): string {
  const nested = `${open.repeat(levels - 1)}${open === '[' ? '[]' : '{}'}${close.repeat(levels - 1)}`
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"doIt","arguments":{"in":${nested}}}}`
}

/** JSON of a call that is made up of `values` objects, lists and scalars in all. */
function wideCall(values: number): string {
  // The message, its version, id and method, the params, the name, the arguments and the list are eight of them.
  const list = Array.from({ length: values - 8 }, () => 0)
  return JSON.stringify({ ...CALL, params: { name: 'doIt', arguments: { list } } })
}

describe('a message', () => {
  it.each([
    [{ ...CALL, params: { name: 'doIt', arguments: { name: 'Zoë 😀' } } }],
    [{ jsonrpc: '2.0', method: 'notifications/initialized' }],
    [{ jsonrpc: '2.0', id: 'a', result: { content: [] } }],
    [{ jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } }],
    [{}],
    [{ anything: 'else' }],
    [{ ...CALL, params: null }],
    [{ ...CALL, params: 7 }],
    [{ ...CALL, params: { arguments: null } }],
    [{ ...CALL, params: { arguments: '__proto__' } }],
    [{ ...CALL, id: null }],
    [{ ...CALL, id: 1.5 }],
    [{ ...CALL, id: 'x'.repeat(256) }],
  ])('is passed on as it is: %j', message => {
    expect(parse(JSON.stringify(message))).toEqual({ message })
  })

  it.each([[''], [' '], ['\t \r\n\n']])('is none if there are only blanks: %j', text => {
    expect(parse(text)).toBeUndefined()
  })

  it('may have blanks around it', () => {
    expect(parse(' \r\n{"a":1}\t')).toEqual({ message: { a: 1 } })
  })
})

describe('what is refused', () => {
  it.each([
    ['a byte that never occurs', [0xff]],
    ['half a character', [0x22, 0xc3, 0x22]],
    ['a character in too many bytes', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a good message with a bad byte in a text', [...Buffer.from('{"a":"'), 0x80, ...Buffer.from('"}')]],
  ])('is not UTF-8: %s', (_, bytes) => {
    expect(parseMessage(Buffer.from(bytes))).toEqual({ reason: 'not UTF-8' })
  })

  it.each([['{'], ['{}{}'], ['{a:1}'], ['x'], ['\u00a0'], ['\ufeff{}'], ["{'a':1}"], ['\0'], ['{"a":1,}']])(
    'is not JSON: %j',
    text => {
      expect(parse(text)).toEqual({ reason: 'not JSON' })
    },
  )

  it.each([['null'], ['true'], ['7'], ['"text"'], ['[]'], ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]']])(
    'is no single object: %s',
    text => {
      expect(parse(text)).toEqual({ reason: 'not a JSON-RPC message' })
    },
  )

  it.each([
    ['objects', '{"a":', '}'],
    ['lists', '[', ']'],
  ])('is nested deeper than 64 levels: %s', (_, open, close) => {
    expect(parse(nestedCall(61, open, close))).toEqual({ message: JSON.parse(nestedCall(61, open, close)) })
    const refused = {
      message: { id: 1, method: 'tools/call', params: { name: 'doIt' } },
      reason: 'nested deeper than 64 levels',
    }
    expect(parse(nestedCall(62, open, close))).toEqual(refused)
    expect(parse(nestedCall(100_000, open, close))).toEqual(refused)
  })

  it('is made up of more than 2000 values', () => {
    expect(parse(wideCall(2000))).toEqual({ message: JSON.parse(wideCall(2000)) })
    const refused = {
      message: { id: 1, method: 'tools/call', params: { name: 'doIt' } },
      reason: 'made up of more than 2000 values',
    }
    expect(parse(wideCall(2001))).toEqual(refused)
    const deep = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, { a: [] }]))
    expect(parse(JSON.stringify({ ...CALL, params: { name: 'doIt', deep } }))).toEqual(refused)
  })

  it('has an argument named __proto__, which libraries would drop', () => {
    const text = '{"id":1,"method":"tools/call","params":{"name":"doIt","arguments":{"name":"it","__proto__":{"x":1}}}}'
    expect(parse(text)).toEqual({
      message: { id: 1, method: 'tools/call', params: { name: 'doIt' } },
      reason: 'an argument named __proto__',
    })
    expect(parse('{"id":1,"params":{"arguments":{"__proto__":null}}}')).toMatchObject({
      reason: 'an argument named __proto__',
    })
  })

  it('has an id that is too long to be kept', () => {
    const id = 'x'.repeat(257)
    expect(parse(JSON.stringify({ ...CALL, id, params: { name: 'doIt', arguments: { a: 1 } } }))).toEqual({
      message: { id: null, method: 'tools/call', params: { name: 'doIt' } },
      reason: 'its id is too long',
    })
    expect(parse(JSON.stringify({ jsonrpc: '2.0', id, result: 7 }))).toMatchObject({ reason: 'its id is too long' })
  })

  it.each([[7], [null], [{ a: 1 }], [['doIt']]])('is outlined without a name that is no text: %j', name => {
    const params = { name, arguments: JSON.parse('{"__proto__":1}') }
    expect(parse(JSON.stringify({ ...CALL, params }))).toEqual({
      message: { id: 1, method: 'tools/call' },
      reason: 'an argument named __proto__',
    })
  })
})

describe('an answer', () => {
  it.each([[7], ['text'], [null], [true], [[]], [[{}]]])('is made an error if its result is no object: %j', result => {
    for (const id of [1, 'a'])
      expect(parse(JSON.stringify({ jsonrpc: '2.0', id, result, other: 1 }))).toEqual({
        message: { jsonrpc: '2.0', id, error: { code: -32600, message: 'the result is no object' } },
      })
  })

  it.each([
    [{ jsonrpc: '2.0', id: 1, result: {} }],
    [{ jsonrpc: '2.0', id: 1, result: { action: 'accept' } }],
    // No answers: a request that has a result, a message with no id, and an error.
    [{ jsonrpc: '2.0', id: 1, method: 'ping', result: 7 }],
    [{ jsonrpc: '2.0', result: 7 }],
    [{ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no' } }],
  ])('is passed on as it is otherwise: %j', message => {
    expect(parse(JSON.stringify(message))).toEqual({ message })
  })
})
