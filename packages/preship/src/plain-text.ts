/** Of a character that was cut in two. */
const HALF = /[\uD800-\uDBFF]$/

/**
 * Text of a server's, fit to be shown: bounded, on one line, without anything that moves a cursor, turns a line round,
 * cannot be seen, or piles marks upon a letter.
 */
export function plain(text: unknown, max = 200): string {
  const shown = cut(String(text), max * 4)
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu, ' ')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim()
  return shown.length > max ? `${shown.slice(0, max - 1).replace(HALF, '')}…` : shown
}

/** The beginning of a text, as a text of its own: a part of a long one would keep all of it in memory. */
export function cut(text: string, max: number): string {
  return text.length > max ? Buffer.from(text.slice(0, max).replace(HALF, '')).toString() : text
}
