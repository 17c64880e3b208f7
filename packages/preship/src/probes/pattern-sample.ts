import { matches } from './schema-check.ts'

const MAX_REPEAT = 64

/** Generates a text that matches a pattern of the kind used for ids and names. Returns undefined if none is found. */
export function textLike(pattern: string, minLength = 0): string | undefined {
  for (const extra of [0, 1, minLength]) {
    const text = new Generator(pattern, extra).run()
    if (text !== undefined && text.length >= minLength && matches(pattern, text) === true) return text
  }
  return undefined
}

/**
 * Reads a regular expression from left to right and generates a short matching text. The result may be wrong, so the
 * caller checks it.
 */
class Generator {
  readonly #pattern: string
  readonly #extra: number
  #at = 0
  #steps = 0

  /** @param extra how many additional repetitions to generate for unbounded quantifiers */
  constructor(pattern: string, extra: number) {
    this.#pattern = pattern
    this.#extra = Math.min(extra, MAX_REPEAT)
  }

  run(): string | undefined {
    try {
      return this.#alternatives()
    } catch {
      return undefined
    }
  }

  #alternatives(): string {
    const first = this.#sequence()
    while (this.#peek() === '|') {
      this.#at += 1
      this.#sequence()
    }
    return first
  }

  #sequence(): string {
    let text = ''
    while (this.#at < this.#pattern.length && this.#peek() !== '|' && this.#peek() !== ')') {
      this.#steps += 1
      if (this.#steps > 2_000) throw new RangeError('too long')
      const atom = this.#atom()
      text += atom.repeat(this.#times())
      if (text.length > 10_000) throw new RangeError('too long')
    }
    return text
  }

  #atom(): string {
    const character = this.#take()
    if (character === '^' || character === '$') return ''
    if (character === '.') return 'a'
    if (character === '[') return this.#class()
    if (character === '\\') return escaped(this.#take(), () => this.#braced())
    if (character !== '(') return character
    const isLook = /^\?(?:[=!]|<[=!])/.test(this.#pattern.slice(this.#at))
    this.#at += /^\?(?::|<?[=!]|<\w+>)/.exec(this.#pattern.slice(this.#at))?.[0].length ?? 0
    const text = this.#alternatives()
    this.#take()
    return isLook ? '' : text
  }

  #class(): string {
    const isNegated = this.#peek() === '^'
    if (isNegated) this.#at += 1
    const members: string[] = []
    do {
      const character = this.#take()
      members.push(character === '\\' ? escaped(this.#take(), () => this.#braced()) : character)
    } while (this.#peek() !== ']')
    this.#take()
    if (!isNegated) return members.find(member => /[a-z0-9]/i.test(member)) ?? members[0] ?? ''
    return ['a', '0', 'Z', ' ', '_', '~'].find(candidate => !members.includes(candidate)) ?? 'é'
  }

  #times(): number {
    const rest = this.#pattern.slice(this.#at)
    const [whole = '', least = '1', comma = '', most = ''] = /^\{(\d+)(,?)(\d*)\}/.exec(rest) ?? []
    const sign = rest[0]
    if (whole !== '') {
      this.#at += whole.length
      this.#lazy()
      const more = comma === '' ? 0 : Math.min(this.#extra, most === '' ? this.#extra : Number(most) - Number(least))
      return Math.min(Number(least) + more, 1_000)
    }
    if (sign !== '*' && sign !== '+' && sign !== '?') return 1
    this.#at += 1
    this.#lazy()
    if (sign === '?') return 0
    return (sign === '+' ? 1 : 0) + this.#extra
  }

  #lazy(): void {
    if (this.#peek() === '?') this.#at += 1
  }

  #braced(): string {
    const [whole = ''] = /^\{[^}]*\}/.exec(this.#pattern.slice(this.#at)) ?? []
    this.#at += whole.length
    return whole
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at]
  }

  #take(): string {
    const character = this.#pattern[this.#at]
    if (character === undefined) throw new RangeError('the pattern ends unexpectedly')
    this.#at += 1
    return character
  }
}

function escaped(character: string, braced: () => string): string {
  if (character === 'd') return '0'
  if (character === 'w' || character === 'S' || character === 'D') return 'a'
  if (character === 's') return ' '
  if (character === 'b' || character === 'B') return ''
  if (character === 'p') return ofProperty(braced())
  if (character === 'P') return braced() === '' ? '' : ' '
  return character
}

function ofProperty(name: string): string {
  if (/N/.test(name)) return '0'
  return /Lu|Upper/.test(name) ? 'A' : 'a'
}
