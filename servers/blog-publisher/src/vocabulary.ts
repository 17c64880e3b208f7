import * as z from 'zod'

declare module 'zod' {
  interface GlobalMeta {
    /** How the audit log writes a field; a pseudonym unless it says otherwise. Never published with a schema. */
    audit?: 'clear' | 'pseudonym' | 'drop'
  }
}

/**
 * What makes a text look like another one, or hides a text in it: what draws nothing or turns the direction, controls
 * (not line break and tab) and lone surrogates. Joiners and the emoji selector are kept where they join or select, one
 * at a time: words of many languages and many emoji need them there.
 */
const DECEPTIVE = new RegExp(
  [
    String.raw`(?![\u200c\u200d\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]`,
    String.raw`(?![\t\n])\p{Cc}`,
    String.raw`[\u206a-\u206f\p{Cs}\p{Zl}\p{Zp}]`,
    String.raw`(?<![\p{L}\p{M}\p{Emoji}\ufe0f])[\u200c\u200d]`,
    String.raw`[\u200c\u200d](?![\p{L}\p{Emoji}])`,
    String.raw`(?<!\p{Emoji})\ufe0f`,
  ].join('|'),
  'gu',
)

/** A text as one line, without what deceives, and at most its first `max` UTF-16 units. */
export function plainLine(text: string, max: number): string {
  const line = text
    .replace(/[\s\u0085]+/g, ' ')
    .replace(DECEPTIVE, '')
    .trim()
  return line.length <= max ? line : `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** A text without what deceives, and at most its last `max` UTF-16 units. */
export function plainEnd(text: string, max: number): string {
  const plain = text
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replace(DECEPTIVE, '')
    .trim()
  return plain.length <= max ? plain : `…${plain.slice(1 - max).replace(/^[\udc00-\udfff]/, '')}`
}

export const Title = z.string().max(200).meta({ audit: 'clear' })

/** Of a draft's bytes, lower-case hex. */
export const Sha256 = z
  .string()
  .max(64)
  .refine(hex => /^[0-9a-f]{64}$/.test(hex), 'is not a SHA-256 digest')
  .meta({ audit: 'clear' })
