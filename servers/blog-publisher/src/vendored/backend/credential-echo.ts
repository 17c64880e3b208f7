/** Tells whether a text holds the credential. */
export type EchoCheck = (text: string) => boolean

/** Shorter tokens turn up in ordinary text by chance, and are not looked for. */
const MIN_TOKEN = 8
/** From this length on, a third of the token is enough to tell: one that was split over fields has such a part. */
const MIN_SPLIT_TOKEN = 24

/**
 * Makes the check of what a backend replies. A debug page, a gateway or a hostile record can repeat the credential that
 * came with the request: as it is, percent-encoded, in base64 or hex, or in parts.
 */
export function createEchoCheck(token: string): EchoCheck {
  if (token.length < MIN_TOKEN) return () => false
  const parts = token.length < MIN_SPLIT_TOKEN ? [token] : windowsOf(token, Math.ceil(token.length / 3) + 1)
  const base64 = base64Of(token)
  const hex = Buffer.from(token).toString('hex')
  return text => {
    const decoded = text.includes('%') ? percentDecoded(text) : text
    if (parts.some(part => decoded.includes(part))) return true
    const standard = text.replaceAll('-', '+').replaceAll('_', '/')
    return base64.some(form => standard.includes(form)) || text.toLowerCase().includes(hex)
  }
}

/** The strings of a JSON value in their order, keys too, without anything between them. */
export function textsOf(value: unknown): string {
  const texts: string[] = []
  const rest: unknown[] = [value]
  while (rest.length > 0) {
    const next = rest.pop()
    if (typeof next === 'string') texts.push(next)
    else if (Array.isArray(next)) for (let index = next.length - 1; index >= 0; index -= 1) rest.push(next[index])
    else if (typeof next === 'object' && next !== null)
      for (const [key, item] of Object.entries(next).reverse()) rest.push(item, key)
  }
  return texts.join('')
}

function windowsOf(token: string, length: number): string[] {
  return Array.from({ length: token.length - length + 1 }, (_, start) => token.slice(start, start + length))
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** What stands in the base64 of any text that holds the token: it depends on how many bytes come before, modulo three. */
function base64Of(token: string): string[] {
  return [0, 1, 2].map(before => {
    const encoded = Buffer.from('\0'.repeat(before) + token)
      .toString('base64')
      .replace(/=+$/, '')
    // The first and the last character also depend on the bytes around the token.
    const start = before === 0 ? 0 : before + 1
    const isWhole = (before + token.length) % 3 === 0
    return encoded.slice(start, isWhole ? undefined : -1)
  })
}
