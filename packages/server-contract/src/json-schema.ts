/** Formats whose values a server checks; each needs a length as well. */
const SCALARS = ['boolean', 'integer', 'number', 'null']

/** Where a JSON Schema lets in more than it names, or more than can be counted. */
export function faultsOfSchema(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [`${path} is no schema`]
  const { type, properties, items, additionalProperties, maxLength, maxItems, ...rest } = schema as {
    type?: unknown
    properties?: Record<string, unknown>
    items?: unknown
    additionalProperties?: unknown
    maxLength?: unknown
    maxItems?: unknown
    enum?: unknown[]
    const?: unknown
    anyOf?: unknown[]
    $ref?: string
  }
  if (rest.anyOf) return rest.anyOf.flatMap((branch, index) => faultsOfSchema(branch, `${path}|${index}`))
  if (Array.isArray(rest.enum) || rest.const !== undefined) return []
  if (type === 'object')
    return [
      ...(additionalProperties === false ? [] : [`${path} is open`]),
      ...Object.entries(properties ?? {}).flatMap(([name, field]) => faultsOfSchema(field, `${path}.${name}`)),
    ]
  if (type === 'array')
    return [...(typeof maxItems === 'number' ? [] : [`${path} has no end`]), ...faultsOfSchema(items, `${path}[]`)]
  if (type === 'string') return typeof maxLength === 'number' ? [] : [`${path} has no greatest length`]
  return SCALARS.includes(String(type)) ? [] : [`${path} is of no type that is known: ${String(type)}`]
}
