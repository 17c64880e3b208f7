/** Text of a server's, fit to be shown: bounded, on one line, without anything that moves a cursor or turns a line round. */
export function plain(text: unknown, max = 200): string {
  const shown = String(text)
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return shown.length > max ? `${shown.slice(0, max - 1)}…` : shown
}
