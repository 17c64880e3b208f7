/** One file, by its path from the repository's root, with `/` whatever the system. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** After one of these, a `/` begins a regular expression and not a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|in|of|do|else|await|yield|throw))\s*$/

/**
 * The text without its comments, and on request without what stands in strings and regular expressions: blanks in their
 * place, so that every offset stays what it was. What a template inserts is code and stays.
 */
export function codeOf(text: string, { strings }: { strings: 'kept' | 'blanked' }): string {
  let code = ''
  let at = 0
  /** Depths of braces at which an inserted expression ends and its template goes on. */
  const templates: number[] = []
  let depth = 0

  const blank = (length: number): void => {
    code += text.slice(at, at + length).replace(/[^\n]/g, ' ')
    at += length
  }
  const literal = (length: number): void => {
    if (strings === 'blanked') blank(length)
    else {
      code += text.slice(at, at + length)
      at += length
    }
  }
  const keep = (): void => {
    code += text[at]
    at += 1
  }
  /** A template from here to its end, or to what it inserts next. */
  const template = (): void => {
    literal(lengthOf(/(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y))
    if (text.startsWith('${', at)) {
      keep()
      keep()
      templates.push(depth)
    } else keep()
  }
  const lengthOf = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0].length ?? 1
  }

  while (at < text.length) {
    const next = text[at]
    if (text.startsWith('//', at)) blank(lengthOf(/[^\n]*/y))
    else if (text.startsWith('/*', at)) blank(lengthOf(/\/\*[\s\S]*?(?:\*\/|$)/y))
    else if (next === "'" || next === '"') {
      keep()
      literal(lengthOf(next === "'" ? /(?:[^'\\\n]|\\[\s\S])*/y : /(?:[^"\\\n]|\\[\s\S])*/y))
      if (at < text.length) keep()
    } else if (next === '`') {
      keep()
      template()
    } else if (next === '/' && BEFORE_REGEX.test(code.slice(-40))) {
      keep()
      literal(lengthOf(/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])*/y))
      keep()
    } else if (next === '}' && templates.at(-1) === depth) {
      templates.pop()
      keep()
      template()
    } else {
      if (next === '{') depth += 1
      if (next === '}') depth -= 1
      keep()
    }
  }
  return code
}

/** What a module imports, types too, in whichever way; `undefined` for an import whose name is not written down. */
export function importsOf({ text }: Source): (string | undefined)[] {
  // What stands in a string is no import: found where strings are blanks, and then read where it is.
  const code = codeOf(text, { strings: 'blanked' })
  const named = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*(['"] *['"])/dgm,
    /^\s*import\s*(['"] *['"])/dgm,
    /(?<![\w.$])(?:import|require)\s*\(\s*(['"] *['"])/dg,
  ].flatMap(pattern =>
    [...code.matchAll(pattern)].map(({ indices }) => {
      const [start = 0, end = 0] = indices?.[1] ?? []
      return text.slice(start + 1, end - 1)
    }),
  )
  const computed = [...code.matchAll(/(?<![\w.$])(?:import|require)\s*\(\s*(?!['"])/g)].map(() => undefined)
  return [...named, ...computed]
}

/** Where a relative import leads, as a path from the root; undefined for the name of a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
