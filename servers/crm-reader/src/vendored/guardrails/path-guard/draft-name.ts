/** Letters with their marks, digits, space and `._-()`: no separator, drive letter, stream, bidi or control character. */
const NAME = /^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd} ._\-()]*\.md$/u

/**
 * Letters and marks that draw nothing (Hangul fillers, variation selectors, the grapheme joiner): with them, two names
 * look the same to the person who is asked to confirm one of them.
 */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

/** Names that Windows gives to devices whatever their extension, also with spaces before the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/iu

const MAX_BYTES = 200

/**
 * Whether a string, after NFC, is a name that a draft may have. Says nothing about a file of that name.
 * At most 200 bytes of UTF-8.
 */
export function isDraftName(name: string): boolean {
  // Bounds the work before normalising: NFC never makes a string shorter than a third of its length in UTF-16 units.
  if (name.length > MAX_BYTES * 3) return false
  const nfc = name.normalize('NFC')
  return NAME.test(nfc) && !INVISIBLE.test(nfc) && !DEVICE.test(nfc) && Buffer.byteLength(nfc) <= MAX_BYTES
}
