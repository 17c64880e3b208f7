import type { Surface } from '../surface.ts'

/** A text that the server presents to the model or to people, and its location. */
export interface Text {
  readonly tool: string | undefined
  readonly where: string
  readonly field: string | undefined
  readonly text: string
}

const MAX_TEXTS = 50_000
const MAX_CHARACTERS = 100_000
/** Limit for all texts together. */
const MAX_TOTAL = 10_000_000

/**
 * Lists every text of a surface: names, descriptions, enum values, defaults, titles, and the strings in its schemas.
 */
export function textsOf(surface: Surface): Text[] {
  const texts: Text[] = []
  let total = 0
  const add = (tool: string | undefined, where: string, text: string, field?: string): void => {
    if (texts.length >= MAX_TEXTS || total >= MAX_TOTAL || text === '') return
    texts.push({ tool, where, field, text: text.slice(0, MAX_CHARACTERS) })
    total += Math.min(text.length, MAX_CHARACTERS)
  }
  const walk = (tool: string, value: unknown, where: string, field: string | undefined, isNames: boolean): void => {
    if (texts.length >= MAX_TEXTS) return
    if (typeof value === 'string') add(tool, where, value, field)
    if (typeof value !== 'object' || value === null) return
    for (const [key, part] of Object.entries(value)) {
      const isName = isNames && !Array.isArray(value)
      const path = isName ? (field === undefined ? key : `${field}.${key}`) : field
      if (!Array.isArray(value)) add(tool, `a key in ${where}`, key, path)
      walk(tool, part, Array.isArray(value) ? where : `${where}.${key}`, path, !isNames && key === 'properties')
    }
  }
  add(undefined, 'instructions', surface.instructions)
  add(undefined, 'name', surface.server.name)
  for (const { name, title, description, inputSchema, outputSchema, annotations } of surface.tools) {
    add(name, 'name', name)
    add(name, 'title', title ?? '')
    add(name, 'description', description)
    walk(name, annotations, 'annotations', undefined, false)
    walk(name, inputSchema, 'inputSchema', undefined, false)
    walk(name, outputSchema, 'outputSchema', undefined, false)
  }
  return texts
}
