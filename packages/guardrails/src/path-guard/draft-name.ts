/**
 * Letters with their marks, digits, space and `._-()`. This excludes path separators, the colon of drive letters and
 * streams, bidirectional characters and control characters.
 */
const NAME = /^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd} ._\-()]*\.md$/u

/**
 * Letters and marks without a glyph (Hangul fillers, variation selectors, the grapheme joiner). With them, two different
 * names would look the same to the person who confirms one.
 */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

/** Device names of Windows, which are reserved with any extension, and with spaces before the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/iu

const MAX_BYTES = 200

/**
 * Whether a string, normalised to NFC, is a valid name for a draft: at most 200 bytes of UTF-8. Does not check whether
 * such a file exists.
 */
export function isDraftName(name: string): boolean {
  // Limits the work of normalising. NFC shortens a string to no less than a third of its UTF-16 units.
  if (name.length > MAX_BYTES * 3) return false
  const nfc = name.normalize('NFC')
  return NAME.test(nfc) && !INVISIBLE.test(nfc) && !DEVICE.test(nfc) && Buffer.byteLength(nfc) <= MAX_BYTES
}
