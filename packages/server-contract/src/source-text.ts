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

/** One import of a module, of a type too. */
export interface Import {
  /** Undefined if it is computed, so that it cannot be read from the text. */
  readonly specifier: string | undefined
  /** `value`: loaded together with the module. `type`: erased. `late`: loaded when the code gets there. */
  readonly kind: 'value' | 'type' | 'late'
  /** What is imported: `{ a, type B }`. Empty if that is not said. */
  readonly clause: string
}

const FROM = /(?:^|;)\s*(?:import|export)\b((?:(?!^\s*(?:import|export)\b)[^'"`;])*?)\bfrom\s*(?<name>['"] *['"])/dgm
const BARE = /(?:^|;)\s*import()\s*(?<name>['"] *['"])/dgm
const CALL = /(?:(?<![\w.$])(?:import|require)|\bgetBuiltinModule)\s*\(\s*()(?:(?<name>['"] *['"])|)/dg

const known = new WeakMap<Source, readonly Import[]>()

/** What a module imports, in whichever way. */
export function importsOf(source: Source): readonly Import[] {
  const found = known.get(source) ?? findImports(source)
  known.set(source, found)
  return found
}

function findImports({ text }: Source): Import[] {
  // What stands in a string is no import: found where strings are blanks, and then read where it is.
  const code = codeOf(text, { strings: 'blanked' })
  return [FROM, BARE, CALL].flatMap(pattern =>
    [...code.matchAll(pattern)].map(({ 1: clause = '', indices }): Import => {
      const [start, end] = indices?.groups?.name ?? []
      return {
        specifier: start === undefined || end === undefined ? undefined : text.slice(start + 1, end - 1),
        kind: pattern === CALL ? 'late' : /^\s+type\s+(?!from\b)/.test(`${clause}from`) ? 'type' : 'value',
        clause: clause.trim(),
      }
    }),
  )
}

/**
 * Where an import leads, as a path from the root. A name that begins with `#` leads to a door: the `index.ts` of a
 * room. Undefined for the name of a package.
 */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return doorOf(from, specifier.slice(1))
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** The `imports` of the package.json files, which say what a name with `#` means. */
export const IMPORT_MAPS = {
  server: { '#*': './src/vendored/*/index.ts' },
  kit: { '#guardrails/*': '@narrow-deputies/guardrails/*', '#*': './src/*/index.ts' },
} as const

function doorOf(from: string, room: string): string | undefined {
  const [server] = /^servers\/[^/]+\//.exec(from) ?? []
  if (server !== undefined) return `${server}src/vendored/${room}/index.ts`
  if (!from.startsWith('packages/server-kit/')) return undefined
  const [, guardrail] = /^guardrails\/(.+)$/.exec(room) ?? []
  return guardrail === undefined
    ? `packages/server-kit/src/${room}/index.ts`
    : `packages/guardrails/src/${guardrail}/index.ts`
}
