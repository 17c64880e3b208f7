/** JSON that no JavaScript value is written as: numbers out of range, depths that a serialiser does not get to. */
export class RawJson {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toJSON(): string {
    return `raw:${Buffer.from(this.#text).toString('base64')}:raw`
  }
}

/** Writes a message, with what is raw in it as it is. */
export function toLine(message: unknown): string {
  return JSON.stringify(message).replace(/"raw:([A-Za-z0-9+/=]*):raw"/g, (_, text: string) =>
    Buffer.from(text, 'base64').toString(),
  )
}

export function nested(levels: number): RawJson {
  return new RawJson('['.repeat(levels) + ']'.repeat(levels))
}
