/** A JSON schema. */
export type Schema = Readonly<Record<string, unknown>>

/**
 * An object schema that refuses unknown properties.
 *
 * @param optional names of optional properties; all others are required
 */
export function closed(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter(name => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false } as const
}

/** A string whose length is limited, in code points. */
export const text = (minLength: number, maxLength: number) => ({ type: 'string', minLength, maxLength }) as const

export const EMAIL = { ...text(3, 254), pattern: '^[^\\s@]+@[^\\s@]+$' } as const

/** The path parameter of a record id. It accepts any text, so a malformed id gets 404 like an unknown one, not 400. */
export const ID_PARAMS = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } as const

export const IDEMPOTENCY_HEADER = {
  type: 'object',
  properties: {
    'idempotency-key': {
      ...text(1, 128),
      pattern: '^[!-~]+$',
      description: 'A repeated request with the same key returns the stored response and changes nothing.',
    },
  },
} as const

export const ERROR_REPLY = {
  $id: 'Error',
  ...closed({ error: closed({ code: { type: 'string' }, message: { type: 'string' } }) }),
} as const
