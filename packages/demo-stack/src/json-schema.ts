/** A piece of JSON schema. */
export type Schema = Readonly<Record<string, unknown>>

/**
 * An object schema that refuses every property it does not name.
 *
 * @param optional names of properties that may be absent; all others are required
 */
export function closed(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter(name => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false } as const
}

/** A string of so many characters, counted as code points. */
export const text = (minLength: number, maxLength: number) => ({ type: 'string', minLength, maxLength }) as const

export const EMAIL = { ...text(3, 254), pattern: '^[^\\s@]+@[^\\s@]+$' } as const

/** A path parameter that names a record. Any other text is a record that does not exist, hence 404 and not 400. */
export const ID_PARAMS = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } as const

export const IDEMPOTENCY_HEADER = {
  type: 'object',
  properties: {
    'idempotency-key': { ...text(1, 128), pattern: '^[!-~]+$', description: 'Makes a repeated request harmless.' },
  },
} as const

export const ERROR_REPLY = {
  $id: 'Error',
  ...closed({ error: closed({ code: { type: 'string' }, message: { type: 'string' } }) }),
} as const
