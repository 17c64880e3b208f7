/** A file with its path relative to the root of the repository, with `/` on every system. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** After one of these, `/` starts a regular expression and not a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|in|of|do|else|await|yield|throw))\s*$/

/**
 * Replaces comments by blanks, and on request also the contents of strings and regular expressions, so that all offsets
 * stay the same. Expressions in template literals are kept.
 */
export function codeOf(text: string, { strings }: { strings: 'kept' | 'blanked' }): string {
  let code = ''
  let at = 0
  /** The depths of braces at which an expression ends and its template literal continues. */
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
  /** Reads a template literal to its end, or to its next expression. */
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

/** An import of a module or of a type. */
export interface Import {
  /** Undefined if it is computed. */
  readonly specifier: string | undefined
  /** `value`: a static import. `type`: a type import, which is erased. `late`: a dynamic import or a `require`. */
  readonly kind: 'value' | 'type' | 'late'
  /** The imported names: `{ a, type B }`. Empty for a bare or dynamic import. */
  readonly clause: string
}

const FROM = /(?:^|;)\s*(?:import|export)\b((?:(?!^\s*(?:import|export)\b)[^'"`;])*?)\bfrom\s*(?<name>['"] *['"])/dgm
const BARE = /(?:^|;)\s*import()\s*(?<name>['"] *['"])/dgm
const CALL = /(?:(?<![\w.$])(?:import|require)|\bgetBuiltinModule)\s*\(\s*()(?:(?<name>['"] *['"])|)/dg

const known = new WeakMap<Source, readonly Import[]>()

/** All imports of a module. */
export function importsOf(source: Source): readonly Import[] {
  const found = known.get(source) ?? findImports(source)
  known.set(source, found)
  return found
}

function findImports({ text }: Source): Import[] {
  // The text of a string is not an import. So imports are found in the code without strings, and read from the text.
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
 * Resolves an import to a path relative to the root. A specifier that starts with `#` resolves to the `index.ts` of a
 * folder. Undefined for a package.
 */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return indexOf(from, specifier.slice(1))
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** The `imports` of the package.json files, which define the specifiers with `#`. */
export const IMPORT_MAPS = {
  server: { '#*': './src/vendored/*/index.ts' },
  kit: { '#guardrails/*': './guardrails/*.ts', '#*': './src/*/index.ts' },
} as const

function indexOf(from: string, folder: string): string | undefined {
  const [server] = /^servers\/[^/]+\//.exec(from) ?? []
  if (server !== undefined) return `${server}src/vendored/${folder}/index.ts`
  if (!from.startsWith('packages/server-kit/')) return undefined
  // The kit's own `guardrails/*.ts` only export the guardrails.
  const [, guardrail] = /^guardrails\/(.+)$/.exec(folder) ?? []
  return guardrail === undefined
    ? `packages/server-kit/src/${folder}/index.ts`
    : `packages/guardrails/src/${guardrail}/index.ts`
}
