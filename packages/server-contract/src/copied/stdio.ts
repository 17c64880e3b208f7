import { once } from 'node:events'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { JsonRpc, WireFault } from '@narrow-deputies/guardrails/audit'
import { describe, expect, it } from 'vitest'

interface StdioTransport {
  onmessage: ((message: JsonRpc) => void) | undefined
  onclose: (() => void) | undefined
  start(): Promise<void>
  send(message: JsonRpc): Promise<void>
  close(): Promise<void>
}

type CreateStdioTransport = (options: {
  input: Readable
  output: Writable
  accepts: (message: unknown) => boolean
  onFault: (fault: WireFault) => JsonRpc | null
}) => StdioTransport

const MAX_LINE_BYTES = 4 * 1024 * 1024

/** What every copy of `stdio.ts` has to prove. */
export function describeStdioTransport(createStdioTransport: CreateStdioTransport): void {
  /** A transport that takes anything with a method, and what becomes of what it reads. */
  function open(onMessage: (message: JsonRpc) => void = () => {}) {
    const input = new PassThrough()
    const output = new PassThrough()
    const messages: JsonRpc[] = []
    const faults: WireFault[] = []
    const transport = createStdioTransport({
      input,
      output,
      accepts: message => typeof (message as JsonRpc).method === 'string' || 'result' in (message as JsonRpc),
      onFault(fault) {
        faults.push(fault)
        return { jsonrpc: '2.0', id: null, error: { code: -32700, message: fault.reason } }
      },
    })
    let closes = 0
    transport.onmessage = message => {
      messages.push(message)
      onMessage(message)
    }
    transport.onclose = () => {
      closes += 1
    }
    void transport.start()
    return {
      input,
      output,
      transport,
      messages,
      faults,
      closes: () => closes,
      /** Everything that was written, as lines. */
      written: () =>
        String(output.read() ?? '')
          .split('\n')
          .slice(0, -1)
          .map(line => JSON.parse(line) as JsonRpc),
      /** Resolves when what was written to the input has been read. */
      settled: () => new Promise(resolve => setImmediate(() => setImmediate(resolve))),
    }
  }

  /** Frees what nobody holds any more, so that what is held can be measured. */
  function exposedGc(): () => void {
    setFlagsFromString('--expose-gc')
    return runInNewContext('gc') as () => void
  }

  function notification(text: string): JsonRpc {
    return { jsonrpc: '2.0', method: 'note', params: { text } }
  }

  describe('lines', () => {
    it('are the same wherever the stream is cut', async () => {
      const sent = [notification('naïve 😀 \u2028 日本'), notification('"\\n"'), notification('')]
      const bytes = Buffer.from(`${sent.map(message => JSON.stringify(message)).join('\n')}\n`)
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const { input, messages, faults, settled } = open()
        input.write(bytes.subarray(0, cut))
        await settled()
        input.write(bytes.subarray(cut))
        await settled()
        expect(faults, `cut at ${cut}`).toEqual([])
        expect(messages, `cut at ${cut}`).toEqual(sent)
      }
    })

    it('are the same byte by byte, and all in one', async () => {
      const sent = Array.from({ length: 50 }, (_, index) => notification(`${'é'.repeat(index)}😀`))
      const bytes = Buffer.from(`${sent.map(message => JSON.stringify(message)).join('\n')}\n`)
      const slow = open()
      for (const byte of bytes) slow.input.write(Buffer.of(byte))
      await slow.settled()
      expect(slow.messages).toEqual(sent)
      const fast = open()
      fast.input.write(bytes)
      await fast.settled()
      expect(fast.messages).toEqual(sent)
    })

    it('may end as Windows ends them, and may be empty', async () => {
      const { input, messages, faults, written, settled } = open()
      input.write(`\n\r\n  \t\n${JSON.stringify(notification('a'))}\r\n\n ${JSON.stringify(notification('b'))} \r\n`)
      await settled()
      expect(messages).toEqual([notification('a'), notification('b')])
      expect(faults).toEqual([])
      expect(written()).toEqual([])
    })

    it(`${verifies('P16')} may be four mebibytes long, and one byte more is skipped to its end and answered once`, async () => {
      const frame = JSON.stringify(notification(''))
      const longest = JSON.stringify(notification('x'.repeat(MAX_LINE_BYTES - frame.length)))
      expect(longest.length).toBe(MAX_LINE_BYTES)
      const { input, messages, faults, written, settled } = open()
      input.write(`${longest}\n`)
      await settled()
      expect(messages).toHaveLength(1)

      input.write(`${longest} \n${JSON.stringify(notification('after'))}\n`)
      await settled()
      expect(messages.slice(1)).toEqual([notification('after')])
      expect(faults).toEqual([{ reason: `a message is longer than ${MAX_LINE_BYTES} bytes` }])
      expect(written()).toHaveLength(1)
    })

    it(`${verifies('P16')} that go on and on are skipped without being kept, and what comes after them is not`, async () => {
      const { input, messages, faults, settled } = open()
      const collectGarbage = exposedGc()
      collectGarbage()
      const before = process.memoryUsage().arrayBuffers
      for (let index = 0; index < 128; index += 1) {
        input.write(Buffer.alloc(1024 * 1024, '{'))
        await settled()
      }
      collectGarbage()
      await settled()
      collectGarbage()
      // Half of what was sent, as some of what is free is freed later.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
      // Nothing is said before the end of the line.
      expect(faults).toEqual([])
      input.write(`\n${JSON.stringify(notification('after'))}\n`)
      await settled()
      expect(faults).toHaveLength(1)
      expect(messages).toEqual([notification('after')])
    })

    it('that are cut off by the end of the input are no lines', async () => {
      const { input, transport, messages } = open()
      const closed = new Promise<void>(resolve => {
        transport.onclose = resolve
      })
      input.end(`${JSON.stringify(notification('a'))}\n${JSON.stringify(notification('b'))}`)
      await closed
      expect(messages).toEqual([notification('a')])
    })
  })

  describe('a line that is no message', () => {
    const nested = (levels: number): string =>
      `{"jsonrpc":"2.0","method":"note","params":${'['.repeat(levels)}${']'.repeat(levels)}}`

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
      const { input, messages, faults, written, settled } = open()
      input.write(line)
      input.write('\n')
      await settled()
      expect(messages).toEqual([])
      expect(faults).toEqual([{ reason }])
      expect(written()).toEqual([{ jsonrpc: '2.0', id: null, error: { code: -32700, message: reason } }])
    })

    it.each([65, 100_000])(
      `${verifies('P7')} is reported with what tells whose it was: nested %i levels deep`,
      async levels => {
        const { input, messages, faults, settled } = open()
        const params = `{"name":"x","arguments":${'['.repeat(levels)}${']'.repeat(levels)}}`
        input.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}\n`)
        await settled()
        expect(messages).toEqual([])
        const message = { id: 7, method: 'tools/call', params: { name: 'x' } }
        expect(faults).toEqual([{ message, reason: 'nested deeper than 64 levels' }])
      },
    )

    it(`${verifies('P7', 'P16')} is reported with what tells whose it was: made up of more values than any has`, async () => {
      const { input, messages, faults, settled } = open()
      // Beside these there are the message itself, its fields, and those of its params.
      for (const count of [1_993, 1_994]) {
        const params = `{"name":"x","arguments":[${Array(count).fill('{}').join(',')}]}`
        input.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}\n`)
      }
      await settled()
      expect(messages).toHaveLength(1)
      const message = { id: 7, method: 'tools/call', params: { name: 'x' } }
      expect(faults).toEqual([{ message, reason: 'made up of more than 2000 values' }])
    })

    it(`${verifies('P7')} is reported with what was read of it, where the protocol does not know it`, async () => {
      const { input, faults, settled } = open()
      input.write('{"jsonrpc":"1.0","id":1}\n')
      await settled()
      expect(faults).toEqual([{ message: { jsonrpc: '1.0', id: 1 }, reason: 'not a valid message of the protocol' }])
    })

    it('is not one that is nested as deep as may be', async () => {
      const { input, messages, settled } = open()
      input.write(`${nested(63)}\n`)
      await settled()
      expect(messages).toHaveLength(1)
    })

    it('can be left unanswered', async () => {
      const input = new PassThrough()
      const output = new PassThrough()
      const silent = createStdioTransport({ input, output, accepts: () => false, onFault: () => null })
      void silent.start()
      input.write('{"jsonrpc":"2.0","result":{}}\n')
      await new Promise(setImmediate)
      expect(output.read()).toBeNull()
    })
  })

  describe('the end of the input', () => {
    const request = (id: number): string => `${JSON.stringify({ jsonrpc: '2.0', id, method: 'work' })}\n`

    it('closes at once where nobody waits for an answer', async () => {
      const { input, closes } = open()
      input.write(`${JSON.stringify(notification('a'))}\n`)
      input.end()
      await once(input, 'end')
      await new Promise(setImmediate)
      expect(closes()).toBe(1)
    })

    it('waits for the answers that are due, errors among them, and for no others', async () => {
      const { input, transport, closes, settled, written } = open()
      input.write(`${request(1)}${request(2)}${request(3)}`)
      input.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}\n')
      input.end()
      await settled()
      expect(closes()).toBe(0)
      await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
      // A question of ours is no answer.
      await transport.send({ jsonrpc: '2.0', id: 2, method: 'elicitation/create' })
      await settled()
      expect(closes()).toBe(0)
      await transport.send({ jsonrpc: '2.0', id: 2, error: { code: 1, message: 'no' } })
      await settled()
      expect(closes()).toBe(1)
      expect(written().map(({ id }) => id)).toEqual([1, 2, 2])
    })

    it('is final: nothing is sent after it', async () => {
      const { transport, output, closes } = open()
      await transport.close()
      await transport.close()
      expect(closes()).toBe(1)
      await expect(transport.send({ jsonrpc: '2.0', id: 1, result: {} })).rejects.toThrow('closed')
      expect(output.read()).toBeNull()
    })

    it('comes from the other side, too: an output that breaks closes, and a fault on the input', async () => {
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

      const other = open()
      other.input.destroy(new Error('read error'))
      await other.settled()
      expect(other.closes()).toBe(1)
    })
  })

  describe('what is sent', () => {
    it('is one line each, whatever is in it', async () => {
      const { transport, output } = open()
      const nasty = { jsonrpc: '2.0' as const, id: 1, result: { text: 'a\nb\r\nc\u2028d"\\' } }
      await Promise.all([transport.send(nasty), transport.send(notification('x'))])
      const lines = String(output.read()).split('\n')
      expect(lines).toHaveLength(3)
      expect(lines.slice(0, 2).map(line => JSON.parse(line))).toEqual([nasty, notification('x')])
    })
  })
}
