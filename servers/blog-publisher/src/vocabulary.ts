import { z } from 'zod'

declare module 'zod' {
  interface GlobalMeta {
    /** How the audit log writes a field; a pseudonym unless it says otherwise. Never published with a schema. */
    audit?: 'clear' | 'pseudonym' | 'drop'
  }
}

/**
 * What makes a text look like another one, or hides a text in it: controls (not line break and tab), lone surrogates,
 * bidirectional controls, characters of no width, variation selectors that no emoji needs, tag characters.
 */
const DECEPTIVE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}\p{Cs}]|[\ufe00-\ufe0e]/gu

/** A text as one line, without what deceives, and at most its first `max` UTF-16 units. */
export function plainLine(text: string, max: number): string {
  const line = text.replace(/\s+/g, ' ').replace(DECEPTIVE, '').trim()
  return line.length <= max ? line : `${line.slice(0, max - 1).toWellFormed()}…`
}

/** A text without what deceives, and at most its last `max` UTF-16 units. */
export function plainEnd(text: string, max: number): string {
  const plain = text.replaceAll('\r\n', '\n').replace(DECEPTIVE, '').trim()
  return plain.length <= max ? plain : `…${plain.slice(1 - max).toWellFormed()}`
}

export const Title = z.string().max(200).meta({ audit: 'clear' })

/** Of a draft's bytes, lower-case hex. */
export const Sha256 = z
  .string()
  .max(64)
  .refine(hex => /^[0-9a-f]{64}$/.test(hex), 'is not a SHA-256 digest')
  .meta({ audit: 'clear' })
