/** Types that need no further bounds. */
const SCALARS = ['boolean', 'integer', 'number', 'null']

/** Returns a line for each part of a JSON Schema that allows unknown properties or has no bound. */
export function faultsOfSchema(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [`${path} is not a schema`]
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
      ...(additionalProperties === false ? [] : [`${path} allows unknown properties`]),
      ...Object.entries(properties ?? {}).flatMap(([name, field]) => faultsOfSchema(field, `${path}.${name}`)),
    ]
  if (type === 'array')
    return [...(typeof maxItems === 'number' ? [] : [`${path} has no maxItems`]), ...faultsOfSchema(items, `${path}[]`)]
  if (type === 'string') return typeof maxLength === 'number' ? [] : [`${path} has no maxLength`]
  return SCALARS.includes(String(type)) ? [] : [`${path} has an unknown type: ${String(type)}`]
}
