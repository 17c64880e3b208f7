/**
 * Text of a server's, fit to be shown: bounded, on one line, without anything that moves a cursor, turns a line round,
 * cannot be seen, or piles marks upon a letter.
 */
export function plain(text: unknown, max = 200): string {
  const shown = String(text)
    .slice(0, max * 4)
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu, ' ')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim()
  return shown.length > max ? `${shown.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : shown
}
