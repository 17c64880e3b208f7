import { expect, it } from 'vitest'
import { loadTokens, tokensIn } from './tokens.ts'

it('counts tokens exactly after loading the encoding, and treats special tokens as plain text', async () => {
  const text = 'Reads one ticket by its id. <|endoftext|>'
  expect(tokensIn(text)).toBe(Math.ceil(text.length / 4))
  await loadTokens()
  // Six words and a full stop; the text of a special token is counted as several tokens.
  expect(tokensIn('Reads one ticket by its id.')).toBe(7)
  expect(tokensIn(text)).toBeGreaterThan(8)
  expect(tokensIn('a'.repeat(4_000))).toBe(1_000)
})
