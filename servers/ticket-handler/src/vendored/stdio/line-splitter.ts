/** Cuts a byte stream at newlines. A line that is too long is skipped to its end without being kept. */
export function splitLines(
  maxBytes: number,
  onLine: (line: Buffer) => void,
  onOverlong: () => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let length = 0
  const add = (piece: Buffer): void => {
    length += piece.length
    if (length <= maxBytes) parts.push(piece)
    else parts = []
  }
  return chunk => {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end))
      if (length > maxBytes) onOverlong()
      else onLine(Buffer.concat(parts))
      parts = []
      length = 0
      start = end + 1
    }
    add(chunk.subarray(start))
  }
}
