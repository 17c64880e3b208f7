import { createHash } from 'node:crypto'
import { isObject, type Tool } from '../surface.ts'

/** The parts of a tool that are shown to the model or to a person who approves a call. */
export const PARTS = ['title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const
export type Part = (typeof PARTS)[number]

export interface Fingerprint {
  /** SHA-256 of the canonical JSON of the name, all parts, and all other listed properties. */
  readonly surface: string
  /** The first characters of each part’s hash, to tell which part changed. */
  readonly parts: Readonly<Record<Part, string>>
}

/** @param tools all tools of one name: a list may contain a name more than once */
export function fingerprintOf(tools: readonly Tool[]): Fingerprint {
  const seen = tools.map(({ name, title, description, inputSchema, outputSchema, annotations, other }) => ({
    name,
    title: title ?? null,
    description,
    inputSchema,
    outputSchema: outputSchema ?? null,
    annotations,
    ...(other && { other }),
  }))
  const part = (name: Part): [Part, string] => [name, hashOf(seen.map(tool => tool[name])).slice(0, 16)]
  return {
    surface: hashOf(seen.length === 1 ? seen[0] : seen),
    parts: Object.fromEntries(PARTS.map(part)) as Record<Part, string>,
  }
}

export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex')
}

/** JSON with sorted keys, so that equal values give equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value) ?? 'null'
  const keys = Object.keys(value).sort()
  return `{${keys.map(key => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
}
