/** HTML that is safe to send. Use `html` to create it. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Html | readonly Html[]

/** A template tag that escapes its values, except values that are `Html`. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.reduce((text, literal, index) => text + render(parts[index - 1] ?? '') + literal))
}

function render(part: Part): string {
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(({ text }) => text).join('')
  return String(part).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

/**
 * Makes untrusted text safe to show within a sentence: on one line, with a maximum length, and without invisible
 * characters, bidi controls and stacked combining marks.
 */
export function plain(text: string, maxLength = 60): string {
  const line = text
    .slice(0, 4 * maxLength)
    .normalize('NFC')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')
    .trim()
  const characters = [...line]
  return characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join('')}…` : line
}
