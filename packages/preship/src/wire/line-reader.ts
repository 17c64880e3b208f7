import { LIMITS, WireError } from './wire.ts'

const NEWLINE = 10

/** Splits incoming chunks into lines, with limits for one line and for all. */
export class LineReader {
  #pieces: Uint8Array[] = []
  #bytes = 0
  #totalBytes = 0
  readonly #onLine: (line: string, isUtf8: boolean) => void

  constructor(onLine: (line: string, isUtf8: boolean) => void) {
    this.#onLine = onLine
  }

  /** @throws {WireError} `too-large` */
  push(chunk: Uint8Array): void {
    this.#totalBytes += chunk.length
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, at))
      this.end()
      start = at + 1
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    if (this.#totalBytes > LIMITS.totalBytes) throw connectionTooLarge()
  }

  /** Emits the buffered bytes as a line. */
  end(): void {
    const bytes = this.#pieces.length === 1 ? (this.#pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    const line = new TextDecoder().decode(bytes)
    this.#onLine(line.replace(/\r$/, ''), !line.includes('\uFFFD') || isUtf8(bytes))
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#bytes > LIMITS.messageBytes) throw messageTooLarge()
    this.#pieces.push(piece)
  }
}

export function messageTooLarge(): WireError {
  return new WireError('too-large', `the server sent a message larger than ${LIMITS.messageBytes / 1024 / 1024} MB`)
}

export function connectionTooLarge(): WireError {
  return new WireError('too-large', `the server sent more than ${LIMITS.totalBytes / 1024 / 1024} MB`)
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
