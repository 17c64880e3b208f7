import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { bytesInBuffers } from '../../test/stdio/memory.ts'
import { lineOf, notification, openTransport } from '../../test/stdio/open-transport.ts'
import { createStdioTransport } from './transport.ts'

const MAX_LINE_BYTES = 4 * 1024 * 1024

describe('a message', () => {
  it('is the same wherever the stream is cut', async () => {
    const sent = [notification('naïve 😀 \u2028 日本'), notification('"\\n"'), notification('')]
    const bytes = Buffer.from(sent.map(lineOf).join(''))
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { input, messages, faults, settled } = openTransport()
      input.write(bytes.subarray(0, cut))
      await settled()
      input.write(bytes.subarray(cut))
      await settled()
      expect(faults, `cut at ${cut}`).toEqual([])
      expect(messages, `cut at ${cut}`).toEqual(sent)
    }
  })

  it('is the same byte by byte, and among many that come at once', async () => {
    const sent = Array.from({ length: 50 }, (_, index) => notification(`${'é'.repeat(index)}😀`))
    const bytes = Buffer.from(sent.map(lineOf).join(''))
    const slow = openTransport()
    for (const byte of bytes) slow.input.write(Buffer.of(byte))
    await slow.settled()
    expect(slow.messages).toEqual(sent)
    const fast = openTransport()
    fast.input.write(bytes)
    await fast.settled()
    expect(fast.messages).toEqual(sent)
  })

  it('may end in CR LF and have blanks around it; a blank line is ignored', async () => {
    const { input, messages, faults, written, settled } = openTransport()
    input.write(`\n\r\n  \t\n${JSON.stringify(notification('a'))}\r\n\n ${JSON.stringify(notification('b'))} \r\n`)
    await settled()
    expect(messages).toEqual([notification('a'), notification('b')])
    expect(faults).toEqual([])
    expect(written()).toEqual([])
  })

  it(`${verifies('P16')} may be four mebibytes long; a longer one is skipped to its end and answered once`, async () => {
    const frame = JSON.stringify(notification(''))
    const longest = JSON.stringify(notification('x'.repeat(MAX_LINE_BYTES - frame.length)))
    expect(longest.length).toBe(MAX_LINE_BYTES)
    const { input, messages, faults, written, settled } = openTransport()
    input.write(`${longest}\n`)
    await settled()
    expect(messages).toHaveLength(1)

    input.write(`${longest} \n${lineOf(notification('after'))}`)
    await settled()
    expect(messages.slice(1)).toEqual([notification('after')])
    expect(faults).toEqual([{ reason: `a message is longer than ${MAX_LINE_BYTES} bytes` }])
    expect(written()).toHaveLength(1)
  })

  it(`${verifies('P16')} that goes on and on is not kept; it is answered at its end, and the next one is read`, async () => {
    const { input, messages, faults, settled } = openTransport()
    const before = await bytesInBuffers()
    for (let index = 0; index < 128; index += 1) {
      input.write(Buffer.alloc(1024 * 1024, '{'))
      await settled()
    }
    // Half of what was sent.
    expect((await bytesInBuffers()) - before).toBeLessThan(64 * 1024 * 1024)
    expect(faults).toEqual([])
    input.write(`\n${lineOf(notification('after'))}`)
    await settled()
    expect(faults).toHaveLength(1)
    expect(messages).toEqual([notification('after')])
  })

  it('that is cut off by the end of the input is not read', async () => {
    const { input, transport, messages, faults } = openTransport()
    const closed = new Promise<void>(resolve => {
      transport.onclose = resolve
    })
    input.end(`${lineOf(notification('a'))}${JSON.stringify(notification('b'))}`)
    await closed
    expect(messages).toEqual([notification('a')])
    expect(faults).toEqual([])
  })

  it('is written as one line, whatever is in it', async () => {
    const { transport, output } = openTransport()
    const nasty = { jsonrpc: '2.0' as const, id: 1, result: { text: 'a\nb\r\nc\u2028d"\\' } }
    await Promise.all([transport.send(nasty), transport.send(notification('x'))])
    const lines = String(output.read()).split('\n')
    expect(lines).toHaveLength(3)
    expect(lines.slice(0, 2).map(line => JSON.parse(line))).toEqual([nasty, notification('x')])
    expect(lines[2]).toBe('')
  })
})

describe('a line that is not a message', () => {
  it.each([
    ['not JSON', '{', 'not JSON'],
    ['nothing but a letter', 'x', 'not JSON'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not UTF-8'],
    ['not UTF-8 inside a string', Buffer.from('{"jsonrpc":"2.0","method":"\xff"}', 'latin1'), 'not UTF-8'],
    ['two messages', '{}{}', 'not JSON'],
    ['a batch', '[{"jsonrpc":"2.0","method":"note"}]', 'not a JSON-RPC message'],
    ['a number', '1', 'not a JSON-RPC message'],
    ['null', 'null', 'not a JSON-RPC message'],
    ['a string', '"note"', 'not a JSON-RPC message'],
  ])(`${verifies('P7')} is reported and answered: %s`, async (_, line, reason) => {
    const { input, messages, faults, written, settled } = openTransport()
    input.write(line)
    input.write('\n')
    await settled()
    expect(messages).toEqual([])
    expect(faults).toEqual([{ reason }])
    expect(written()).toEqual([{ jsonrpc: '2.0', id: null, error: { code: -32700, message: reason } }])
  })

  it.each([65, 100_000])(
    `${verifies('P7')} is reported with the id and the tool of the call, if it is nested %i levels deep`,
    async levels => {
      const { input, messages, faults, settled } = openTransport()
      const params = `{"name":"x","arguments":${'['.repeat(levels)}${']'.repeat(levels)}}`
      input.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}\n`)
      await settled()
      expect(messages).toEqual([])
      const message = { id: 7, method: 'tools/call', params: { name: 'x' } }
      expect(faults).toEqual([{ message, reason: 'nested deeper than 64 levels' }])
    },
  )

  it(`${verifies('P7', 'P16')} is reported with the id and the tool of the call, if it has too many values`, async () => {
    const { input, messages, faults, settled } = openTransport()
    // The message itself, its fields, and those of its params count, too.
    for (const count of [1_993, 1_994]) {
      const params = `{"name":"x","arguments":[${Array(count).fill('{}').join(',')}]}`
      input.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}\n`)
    }
    await settled()
    expect(messages).toHaveLength(1)
    const message = { id: 7, method: 'tools/call', params: { name: 'x' } }
    expect(faults).toEqual([{ message, reason: 'made up of more than 2000 values' }])
  })

  it(`${verifies('P7')} is reported with what was read of it, if the protocol does not know it`, async () => {
    const { input, messages, faults, settled } = openTransport()
    input.write('{"jsonrpc":"1.0","id":1}\n')
    await settled()
    expect(messages).toEqual([])
    expect(faults).toEqual([{ message: { jsonrpc: '1.0', id: 1 }, reason: 'not a valid message of the protocol' }])
  })

  it('may be nested 63 levels deep and still be a message', async () => {
    const { input, messages, settled } = openTransport()
    input.write(`{"jsonrpc":"2.0","method":"note","params":${'['.repeat(63)}${']'.repeat(63)}}\n`)
    await settled()
    expect(messages).toHaveLength(1)
  })

  it('is not answered if the ledger has no answer for it', async () => {
    const input = new PassThrough()
    const output = new PassThrough()
    const silent = createStdioTransport({ input, output, accepts: () => false, onFault: () => null })
    void silent.start()
    input.write('{"jsonrpc":"2.0","result":{}}\n')
    await new Promise(setImmediate)
    expect(output.read()).toBeNull()
  })

  it('is reported as an error if its answer cannot be written', async () => {
    const { input, output, errors, settled } = openTransport()
    output.destroy()
    input.write('{\n')
    await settled()
    expect(errors).toHaveLength(1)
  })
})

describe('the end of the input', () => {
  const request = (id: number): string => lineOf({ jsonrpc: '2.0', id, method: 'work' })

  it('closes the transport at once if no answer is due', async () => {
    const { input, closes } = openTransport()
    input.write(lineOf(notification('a')))
    input.end()
    await once(input, 'end')
    await new Promise(setImmediate)
    expect(closes()).toBe(1)
  })

  it('closes the transport at once if every answer was given before', async () => {
    const { input, transport, closes, settled } = openTransport()
    input.write(request(1))
    await settled()
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
    input.end()
    await settled()
    expect(closes()).toBe(1)
  })

  it('waits for the answers that are due, errors among them, and for no others', async () => {
    const { input, transport, closes, settled, written } = openTransport()
    input.write(`${request(1)}${request(2)}${request(3)}`)
    input.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}\n')
    input.end()
    await settled()
    expect(closes()).toBe(0)
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
    // A question of ours is not an answer.
    await transport.send({ jsonrpc: '2.0', id: 2, method: 'elicitation/create' })
    await settled()
    expect(closes()).toBe(0)
    await transport.send({ jsonrpc: '2.0', id: 2, error: { code: 1, message: 'no' } })
    await settled()
    expect(closes()).toBe(1)
    expect(written().map(({ id }) => id)).toEqual([1, 2, 2])
  })

  it(`${verifies('P7')} waits for an answer that does not come, for more than one second and less than one and a half`, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { input, closes, settled } = openTransport()
    input.end(request(1))
    await settled()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(closes()).toBe(0)
    await vi.advanceTimersByTimeAsync(499)
    expect(closes()).toBe(1)
  })

  it('leaves no timer behind once the last answer was given', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { input, transport, settled } = openTransport()
    input.end(request(1))
    await settled()
    expect(vi.getTimerCount()).toBe(1)
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is final: nothing is sent after it', async () => {
    const { transport, output, closes } = openTransport()
    await transport.close()
    await transport.close()
    expect(closes()).toBe(1)
    await expect(transport.send({ jsonrpc: '2.0', id: 1, result: {} })).rejects.toThrow('closed')
    expect(output.read()).toBeNull()
  })

  it('is final: nothing is read after the transport was closed', async () => {
    const { input, transport, messages, settled } = openTransport()
    await transport.close()
    input.write(lineOf(notification('late')))
    await settled()
    expect(messages).toEqual([])
  })
})

describe('a stream that fails', () => {
  it('closes the transport once, if it is the output', async () => {
    const input = new PassThrough()
    const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    let closes = 0
    const transport = createStdioTransport({ input, output, accepts: () => true, onFault: () => null })
    transport.onclose = () => {
      closes += 1
    }
    void transport.start()
    await expect(transport.send({ jsonrpc: '2.0', id: 1, result: {} })).rejects.toThrow('EPIPE')
    await new Promise(setImmediate)
    expect(closes).toBe(1)
  })

  it('closes the transport once, if it is the input', async () => {
    const { input, closes, settled } = openTransport()
    input.destroy(new Error('read error'))
    await settled()
    expect(closes()).toBe(1)
  })
})
