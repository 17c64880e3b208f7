/** JSON text that `JSON.stringify` cannot produce: numbers out of range, and very deep nesting. */
export class RawJson {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toJSON(): string {
    return `raw:${Buffer.from(this.#text).toString('base64')}:raw`
  }
}

/** Serializes a message that may contain `RawJson`. */
export function toLine(message: unknown): string {
  return JSON.stringify(message).replace(/"raw:([A-Za-z0-9+/=]*):raw"/g, (_, text: string) =>
    Buffer.from(text, 'base64').toString(),
  )
}

export function nested(levels: number): RawJson {
  return new RawJson('['.repeat(levels) + ']'.repeat(levels))
}
