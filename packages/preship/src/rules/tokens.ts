type Count = typeof import('gpt-tokenizer/encoding/o200k_base').countTokens

/** What is longer, or holds longer words than people write, is estimated: counting it exactly takes too long. */
const MAX_CHARACTERS = 1_000_000
const ENDLESS_WORD = /\p{L}{1000}|\s{1000}|[^\s\p{L}\p{N}]{1000}/u
const CHARACTERS_PER_TOKEN = 4

let count: Count | undefined

/** Makes counting exact. The table of all tokens is most of this program, and only an examination needs it. */
export async function loadTokens(): Promise<void> {
  count ??= (await import('gpt-tokenizer/encoding/o200k_base')).countTokens
}

/** How many tokens (o200k) a text is; about as many until they are loaded. */
export function tokensIn(text: string): number {
  if (!count || text.length > MAX_CHARACTERS || ENDLESS_WORD.test(text))
    return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
  // Names of special tokens in a hostile text are text like any other.
  return count(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() })
}
