/** What the pattern of a schema allows. */
export interface PatternFacts {
  /** Matching texts have a maximum length. */
  readonly isBounded: boolean
  /** A matching text can contain a slash or a backslash. */
  readonly hasSeparator: boolean
  readonly hasSpace: boolean
}

const MAX_LENGTH = 1_000
const MAX_REPETITIONS = 1_000_000
const TOKEN =
  /\[\^?(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\.|\(\?(?:[:=!]|<[=!]|<\w+>)|[*+?](?:\?)?|\{\d*,?\d*\}\??|[\s\S]/gu

/**
 * Analyses a pattern without running it, because a hostile pattern could take exponential time. Returns undefined if
 * the pattern is not anchored at both ends or cannot be analysed.
 */
export function readPattern(pattern: unknown): PatternFacts | undefined {
  if (typeof pattern !== 'string' || pattern.length > MAX_LENGTH) return undefined
  if (!pattern.startsWith('^') || !/(?:^|[^\\])\$$/.test(pattern)) return undefined
  let depth = 0
  let isBounded = true
  let hasSeparator = false
  let hasSpace = false
  for (const [token] of pattern.slice(1, -1).matchAll(TOKEN)) {
    if (token.startsWith('(')) depth += 1
    else if (token === ')') depth -= 1
    // At the top level, each alternative has only one of the two anchors.
    else if (token === '|' && depth === 0) return undefined
    else if (/^[*+]/.test(token) || /^\{\d*,\}/.test(token) || maxRepetitions(token) > MAX_REPETITIONS)
      isBounded = false
    else if (!/^(?:\?|\{\d)/.test(token)) {
      hasSeparator ||= matchesOneOf(token, '/\\')
      hasSpace ||= matchesOneOf(token, ' ')
    }
  }
  return { isBounded, hasSeparator, hasSpace }
}

/** The maximum of a quantifier such as `{2,80}`. */
function maxRepetitions(token: string): number {
  return Number(/^\{(?:\d*,)?(\d+)\}/.exec(token)?.[1] ?? 0)
}

function matchesOneOf(token: string, characters: string): boolean {
  if (token === '.') return true
  if (token.startsWith('[')) return [...characters].some(character => isInClass(token, character))
  if (token.startsWith('\\')) return isInEscape(token, characters)
  return characters.includes(token)
}

function isInEscape(sequence: string, characters: string): boolean {
  const letter = sequence[1] ?? ''
  // \p{L} and similar classes contain letters and digits. Other classes may contain separators.
  if (letter === 'p') return !/^\\p\{(?:[LNM]|Script)/.test(sequence)
  if ('SWDPux'.includes(letter)) return true
  if (letter === 's') return characters.includes(' ')
  return !/[a-zA-Z0-9]/.test(letter) && characters.includes(letter)
}

function isInClass(token: string, character: string): boolean {
  const isNegated = token[1] === '^'
  const inside = [...token.slice(isNegated ? 2 : 1, -1).matchAll(/\\[pP]\{[^}]*\}|\\.|[\s\S]/gu)].map(([part]) => part)
  let isIn = false
  for (let at = 0; at < inside.length; at += 1) {
    const part = inside[at] ?? ''
    const last = inside[at + 2]
    if (inside[at + 1] === '-' && last !== undefined) {
      isIn ||= literal(part) <= character && character <= literal(last)
      at += 2
    } else if (/^\\[a-zA-Z]/.test(part)) isIn ||= !isNegated && isInEscape(part, character)
    else isIn ||= literal(part) === character
  }
  return isIn !== isNegated
}

function literal(part: string): string {
  return part.length > 1 && part.startsWith('\\') ? part.slice(1) : part
}
