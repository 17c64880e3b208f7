import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../surface.ts'
import { Pending } from './pending.ts'
import { LIMITS, type Message, parseBounded, WireError } from './wire.ts'

describe('a message', () => {
  it('may be as deep as the limit, and no deeper', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    expect(() => parseBounded(nested(LIMITS.depth))).not.toThrow()
    expect(() => parseBounded(nested(LIMITS.depth + 1))).toThrow('nests deeper')
    expect(parseBounded(JSON.stringify({ text: '[{"\\'.repeat(1_000) }))).toEqual({ text: '[{"\\'.repeat(1_000) })
  })

  it('may hold no more values than the limit', () => {
    expect(() => parseBounded(`[${'0,'.repeat(LIMITS.values)}0]`)).toThrow('values')
    expect(() => parseBounded(JSON.stringify(','.repeat(LIMITS.values * 2)))).not.toThrow()
  })
})

describe('what waits for replies', () => {
  const open = (): { pending: Pending; sent: Message[] } => {
    const sent: Message[] = []
    return { pending: new Pending(message => sent.push(message)), sent }
  }
  const texts = (pending: Pending): string[] => pending.oddities.map(({ text }) => text)

  it('gets its own, and no other', async () => {
    const { pending } = open()
    const [one, two] = [pending.wait(1, 1_000), pending.wait(2, 1_000)]
    pending.take('{"jsonrpc":"2.0","id":2,"result":"b"}')
    pending.take('{"jsonrpc":"2.0","id":"1","result":"x"}')
    pending.take('{"jsonrpc":"2.0","id":1,"result":"a"}')
    expect([(await one).result, (await two).result]).toEqual(['a', 'b'])
    expect(texts(pending)).toEqual(['it answered what nobody asked'])
  })

  it('gets an error without an id, if that came in reply to it', async () => {
    const { pending } = open()
    const reply = pending.wait(1, 60_000)
    const error = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long"}}'
    pending.take(error, { id: 1, isRefused: true })
    expect(texts(pending)).toEqual([])
    pending.take(error)
    expect(texts(pending)).toEqual(['it answered what nobody asked'])
    pending.take(error, { id: 1, isRefused: false })
    expect((await reply).error).toMatchObject({ message: 'too long' })
    expect(texts(pending)).toHaveLength(1)
  })

  it('tells a late reply from one that nobody asked for', async () => {
    const { pending } = open()
    await expect(pending.wait(1, 5)).rejects.toThrow('no reply in 5 ms')
    pending.take('{"jsonrpc":"2.0","id":1,"result":{}}')
    expect(texts(pending)).toEqual([])
    pending.take('{"jsonrpc":"2.0","id":1,"result":{}}')
    expect(texts(pending)).toEqual(['it answered what nobody asked'])
  })

  it('does not wait for what cannot be read, nor for what has ended', async () => {
    const { pending } = open()
    const reply = pending.wait(1, 60_000)
    pending.take(`{"id":1,"result":${'['.repeat(300)}${']'.repeat(300)}}`)
    await expect(reply).rejects.toThrow('nests deeper')
    pending.fail(new WireError('closed', 'gone'))
    await expect(pending.wait(2, 60_000)).rejects.toThrow('gone')
  })

  it('answers questions, but not without end', () => {
    const { pending, sent } = open()
    pending.onAsked = ({ method }) => (method === 'roots/list' ? { roots: [] } : undefined)
    for (const method of ['ping', 'roots/list', 'sampling/createMessage'])
      pending.take(JSON.stringify({ jsonrpc: '2.0', id: method, method }))
    expect(sent).toMatchObject([{ result: {} }, { result: { roots: [] } }, { error: { code: -32601 } }])
    for (let id = 0; id < LIMITS.answers * 2; id += 1) pending.take(JSON.stringify({ id, method: 'ping' }))
    expect(sent).toHaveLength(LIMITS.answers)
    pending.take(JSON.stringify({ id: { a: 1 }, method: 'ping' }))
    expect(texts(pending)).toHaveLength(2)
  })

  it('stops a flood', () => {
    const { pending } = open()
    expect(() => {
      for (let n = 0; n <= LIMITS.messages; n += 1) pending.take('{"method":"notifications/message"}')
    }).toThrow('without end')
    expect(texts(pending)).toEqual(['it floods its client with notifications'])
  })
})

describe('the inputs of a tool', () => {
  it('are found in time, though its unions refer to each other round and round', () => {
    const anyOf = Array.from({ length: 60 }, () => ({ $ref: '#/$defs/loop' }))
    const inputSchema = { properties: { where: { anyOf } }, $defs: { loop: { anyOf } } }
    const tool = {
      name: 'find',
      title: undefined,
      description: '',
      inputSchema,
      outputSchema: undefined,
      annotations: {},
    }
    expect(fieldsOf(tool).map(({ path }) => path)).toContain('where')
  }, 5_000)
})
