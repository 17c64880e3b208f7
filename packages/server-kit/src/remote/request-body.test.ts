import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Refusal } from './admission.ts'
import { readBody } from './request-body.ts'

const MAX_BYTES = 128 * 1024
const TOO_LONG = { status: 413, code: 'INVALID_INPUT', message: 'a message has at most 131072 bytes' }

/** A request whose body comes in these chunks. */
function requestOf(chunks: Iterable<Buffer> | AsyncIterable<Buffer>, contentLength?: string): IncomingMessage {
  const headers = contentLength === undefined ? {} : { 'content-length': contentLength }
  return Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage
}

async function refusalOf(reading: Promise<Buffer>): Promise<Refusal> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Refusal)
  return error as Refusal
}

describe('the body of a request', () => {
  it('is read whole, whatever chunks it comes in', async () => {
    const chunks = [Buffer.from('{"a":'), Buffer.from('"'), Buffer.of(0xc3), Buffer.of(0xa9), Buffer.from('"}')]
    expect((await readBody(requestOf(chunks))).toString('utf8')).toBe('{"a":"é"}')
    expect(await readBody(requestOf([]))).toHaveLength(0)
  })

  it(`${verifies('P16')} may have 128 kibibytes by its content length, and not one more`, async () => {
    expect(await readBody(requestOf([Buffer.alloc(MAX_BYTES)], String(MAX_BYTES)))).toHaveLength(MAX_BYTES)
    // The length alone is enough: nothing is read.
    const request = requestOf([Buffer.alloc(1)], String(MAX_BYTES + 1))
    expect(await refusalOf(readBody(request))).toMatchObject(TOO_LONG)
    expect(request.readableDidRead).toBe(false)
  })

  it(`${verifies('P16')} may have 128 kibibytes without a content length, and not one more`, async () => {
    const half = Buffer.alloc(MAX_BYTES / 2)
    expect(await readBody(requestOf([half, half]))).toHaveLength(MAX_BYTES)
    expect(await refusalOf(readBody(requestOf([half, half, Buffer.alloc(1)])))).toMatchObject(TOO_LONG)
  })

  it(`${verifies('P16')} without an end is read no further than shows that it is too long`, async () => {
    let chunks = 0
    const endless = async function* () {
      for (;;) {
        chunks += 1
        yield Buffer.alloc(1024)
      }
    }
    const request = requestOf(endless())
    expect(await refusalOf(readBody(request))).toMatchObject(TOO_LONG)
    expect(request.destroyed).toBe(true)
    // The stream reads a little ahead.
    expect(chunks).toBeLessThan(128 + 32)
  })

  it(`${verifies('P7')} that breaks off is refused, whatever broke it`, async () => {
    const broken = async function* () {
      yield Buffer.from('{')
      throw new Error('aborted at 192.0.2.7')
    }
    expect(await refusalOf(readBody(requestOf(broken(), '10')))).toMatchObject({
      status: 400,
      code: 'INVALID_INPUT',
      message: 'the message ended early, or took too long',
    })
  })
})
