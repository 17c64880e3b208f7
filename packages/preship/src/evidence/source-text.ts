/**
 * A source file prepared for scanning: every character keeps its position, and text that only looks like code is
 * blanked.
 */
export interface SourceText {
  /** Without comments. */
  readonly withStrings: string
  /** Without comments and string contents. Expressions inside template literals are kept. */
  readonly code: string
}

/** Blanks comments and strings in JavaScript, TypeScript or Python. */
export function readSource(text: string, language: 'js' | 'py'): SourceText {
  const withStrings = text.split('')
  const code = text.split('')
  const blank = (target: string[], from: number, to: number): void => {
    for (let at = from; at < to; at += 1) if (target[at] !== '\n') target[at] = ' '
  }
  /** The brace depth at which each open template literal began. */
  const templates: number[] = []
  let depth = 0
  let at = 0
  const template = (from: number): number => {
    let end = from
    while (end < text.length && text[end] !== '`') {
      if (text[end] === '\\') end += 1
      else if (text[end] === '$' && text[end + 1] === '{') {
        blank(code, from, end)
        templates.push(depth)
        depth += 1
        return end + 2
      }
      end += 1
    }
    blank(code, from, end)
    return end + 1
  }
  while (at < text.length) {
    const character = text[at]
    const pair = text.slice(at, at + 2)
    if (language === 'js' ? pair === '//' : character === '#') {
      const end = endOf(text, '\n', at)
      blank(withStrings, at, end)
      blank(code, at, end)
      at = end
    } else if (language === 'js' && pair === '/*') {
      const end = Math.min(text.length, endOf(text, '*/', at + 2) + 2)
      blank(withStrings, at, end)
      blank(code, at, end)
      at = end
    } else if (language === 'js' && character === '/' && beginsPattern(text, at)) {
      const end = endOfPattern(text, at + 1)
      blank(code, at + 1, end - 1)
      at = end
    } else if (character === '"' || character === "'") {
      const end = endOfString(text, at)
      blank(code, at + 1, end - 1)
      at = end
    } else if (language === 'js' && character === '`') at = template(at + 1)
    else {
      if (character === '{') depth += 1
      if (character === '}') depth -= 1
      at += 1
      if (character === '}' && templates.at(-1) === depth) {
        templates.pop()
        at = template(at)
      }
    }
  }
  return { withStrings: withStrings.join(''), code: code.join('') }
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from)
  return end === -1 ? text.length : end
}

function endOfString(text: string, from: number): number {
  const quote = text[from]
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === quote || text[at] === '\n') return at + 1
  }
  return text.length
}

/** A slash after a value is a division. Elsewhere it starts a regular expression. */
function beginsPattern(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 20), at).trimEnd()
  return before === '' || /[(,=:[!&|?{};+\-*%<>~^]$|\b(?:return|typeof|case|in|of)$/.test(before)
}

function endOfPattern(text: string, from: number): number {
  let isInClass = false
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]
    if (character === '\n') return from
    if (character === '\\') at += 1
    else if (character === '[') isInClass = true
    else if (character === ']') isInClass = false
    else if (character === '/' && !isInClass) return at + 1
  }
  return from
}
