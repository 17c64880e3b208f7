/** JSON for a file that people look at, too: what cannot be seen, or moves a cursor, is written as an escape. */
export function visibleJson(value: unknown): string {
  const hidden = /(?!\n)[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}](?<! )/gu
  return `${JSON.stringify(value, null, 2).replace(hidden, escaped)}\n`
}

/** A character outside the first plane takes two. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at)
    return `\\u${unit.toString(16).padStart(4, '0')}`
  }).join('')
}
