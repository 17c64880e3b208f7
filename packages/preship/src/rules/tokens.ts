type Count = typeof import('gpt-tokenizer/encoding/o200k_base').countTokens

/** Longer texts, and texts with very long words, are estimated: counting them exactly takes too long. */
const MAX_CHARACTERS = 1_000_000
const ENDLESS_WORD = /\p{L}{1000}|\s{1000}|[^\s\p{L}\p{N}]{1000}/u
const CHARACTERS_PER_TOKEN = 4

let count: Count | undefined

/** Loads the encoding, so that counting is exact. It is most of this program’s size, and only examinations need it. */
export async function loadTokens(): Promise<void> {
  count ??= (await import('gpt-tokenizer/encoding/o200k_base')).countTokens
}

/** Counts the o200k tokens of a text. The count is an estimate until the encoding is loaded. */
export function tokensIn(text: string): number {
  if (!count || text.length > MAX_CHARACTERS || ENDLESS_WORD.test(text))
    return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
  // Special token names in a hostile text count as plain text.
  return count(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() })
}
