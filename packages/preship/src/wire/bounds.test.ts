import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../surface.ts'
import { Pending } from './pending.ts'
import { LIMITS, type Message, parseBounded, WireError } from './wire.ts'

describe('a message', () => {
  it('may be nested as deeply as the limit allows, and no deeper', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    expect(() => parseBounded(nested(LIMITS.depth))).not.toThrow()
    expect(() => parseBounded(nested(LIMITS.depth + 1))).toThrow('nested deeper')
    expect(parseBounded(JSON.stringify({ text: '[{"\\'.repeat(1_000) }))).toEqual({ text: '[{"\\'.repeat(1_000) })
  })

  it('may contain as many values as the limit allows, and no more', () => {
    expect(() => parseBounded(`[${'0,'.repeat(LIMITS.values)}0]`)).toThrow('values')
    expect(() => parseBounded(JSON.stringify(','.repeat(LIMITS.values * 2)))).not.toThrow()
  })
})

describe('a pending request', () => {
  const open = (): { pending: Pending; sent: Message[] } => {
    const sent: Message[] = []
    return { pending: new Pending(message => sent.push(message)), sent }
  }
  const texts = (pending: Pending): string[] => pending.anomalies.map(({ text }) => text)

  it('receives the reply with its id, and no other', async () => {
    const { pending } = open()
    const [one, two] = [pending.wait(1, 1_000), pending.wait(2, 1_000)]
    pending.take('{"jsonrpc":"2.0","id":2,"result":"b"}')
    pending.take('{"jsonrpc":"2.0","id":"1","result":"x"}')
    pending.take('{"jsonrpc":"2.0","id":1,"result":"a"}')
    expect([(await one).result, (await two).result]).toEqual(['a', 'b'])
    expect(texts(pending)).toEqual(['it sent an unsolicited response'])
  })

  it('receives an error without an id if the transport links the error to it', async () => {
    const { pending } = open()
    const reply = pending.wait(1, 60_000)
    const error = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long"}}'
    pending.take(error, { id: 1, isRefused: true })
    expect(texts(pending)).toEqual([])
    pending.take(error)
    expect(texts(pending)).toEqual(['it sent an unsolicited response'])
    pending.take(error, { id: 1, isRefused: false })
    expect((await reply).error).toMatchObject({ message: 'too long' })
    expect(texts(pending)).toHaveLength(1)
  })

  it('that timed out accepts one late reply; a second one is unsolicited', async () => {
    const { pending } = open()
    await expect(pending.wait(1, 5)).rejects.toThrow('no reply in 5 ms')
    pending.take('{"jsonrpc":"2.0","id":1,"result":{}}')
    expect(texts(pending)).toEqual([])
    pending.take('{"jsonrpc":"2.0","id":1,"result":{}}')
    expect(texts(pending)).toEqual(['it sent an unsolicited response'])
  })

  it('fails at once if a reply cannot be parsed or the connection has ended', async () => {
    const { pending } = open()
    const reply = pending.wait(1, 60_000)
    pending.take(`{"id":1,"result":${'['.repeat(300)}${']'.repeat(300)}}`)
    await expect(reply).rejects.toThrow('nested deeper')
    pending.fail(new WireError('closed', 'the server exited'))
    await expect(pending.wait(2, 60_000)).rejects.toThrow('the server exited')
  })

  it('lets the client answer requests of the server, up to a limit', () => {
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

  it('fails if the server floods the connection', () => {
    const { pending } = open()
    expect(() => {
      for (let n = 0; n <= LIMITS.messages; n += 1) pending.take('{"method":"notifications/message"}')
    }).toThrow('more than 100000 messages')
    expect(texts(pending)).toEqual(['it floods its client with notifications'])
  })
})

describe('the inputs of a tool', () => {
  it('are found quickly even if its unions refer to each other in a circle', () => {
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
