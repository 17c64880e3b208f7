/** Formats JSON for files that people read. Invisible and control characters are written as escapes. */
export function visibleJson(value: unknown): string {
  const hidden = /(?!\n)[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}](?<! )/gu
  return `${JSON.stringify(value, null, 2).replace(hidden, escaped)}\n`
}

/** Characters outside the basic multilingual plane need two escapes. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at)
    return `\\u${unit.toString(16).padStart(4, '0')}`
  }).join('')
}
