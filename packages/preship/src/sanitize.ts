/** The first half of a surrogate pair whose second half was cut off. */
const LONE_SURROGATE = /[\uD800-\uDBFF]$/

/**
 * Makes text from a server safe to display: bounded, on one line, without control, bidirectional or invisible
 * characters, and with at most three combining marks per letter.
 */
export function sanitize(text: unknown, max = 200): string {
  const shown = truncate(String(text), max * 4)
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu, ' ')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim()
  return shown.length > max ? `${shown.slice(0, max - 1).replace(LONE_SURROGATE, '')}…` : shown
}

/** The beginning of a text as a copy. A slice would keep the whole string in memory. */
export function truncate(text: string, max: number): string {
  return text.length > max ? Buffer.from(text.slice(0, max).replace(LONE_SURROGATE, '')).toString() : text
}
