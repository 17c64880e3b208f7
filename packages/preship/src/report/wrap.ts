const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Wraps a text at a width, between words where possible. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const room = Math.max(20, width - indent.length)
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(' ')) {
    const size = widthOf(word)
    if (used > 0 && used + 1 + size > room) {
      lines.push(line)
      line = ''
      used = 0
    }
    if (used > 0) {
      line += ' '
      used += 1
    }
    for (const character of word) {
      const columns = widthOf(character)
      if (used + columns > room) {
        lines.push(line)
        line = ''
        used = 0
      }
      line += character
      used += columns
    }
  }
  return [...lines, line].map(each => `${indent}${each}`)
}

/** The width in terminal columns. */
function widthOf(text: string): number {
  let columns = 0
  for (const character of text) columns += WIDE.test(character) ? 2 : /\p{M}/u.test(character) ? 0 : 1
  return columns
}
