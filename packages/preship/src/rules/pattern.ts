/** What a pattern of a schema keeps out. */
export interface PatternFacts {
  /** No text that is longer than some length matches. */
  readonly isBounded: boolean
  /** A slash or a backslash can be part of what matches. */
  readonly hasSeparator: boolean
  readonly hasSpace: boolean
}

const MAX_LENGTH = 1_000
const MOST_TIMES = 1_000_000
const TOKEN =
  /\[\^?(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\.|\(\?(?:[:=!]|<[=!]|<\w+>)|[*+?](?:\?)?|\{\d*,?\d*\}\??|[\s\S]/gu

/**
 * Reads a pattern without running it: a hostile one would take for ever.
 * Undefined if it does not hold for the whole text, or is too odd to tell.
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
    // At the top, each side of it has only one of the two anchors.
    else if (token === '|' && depth === 0) return undefined
    else if (/^[*+]/.test(token) || /^\{\d*,\}/.test(token) || timesOf(token) > MOST_TIMES) isBounded = false
    else if (!/^(?:\?|\{\d)/.test(token)) {
      hasSeparator ||= matchesOneOf(token, '/\\')
      hasSpace ||= matchesOneOf(token, ' ')
    }
  }
  return { isBounded, hasSeparator, hasSpace }
}

/** The most that `{2,80}` lets something be repeated. */
function timesOf(token: string): number {
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
  // \p{L} and its like are letters and digits; of what else there is, some are separators.
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
