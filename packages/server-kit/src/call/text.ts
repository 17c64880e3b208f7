import * as z from 'zod'

/**
 * Characters that make a text look like another one, or hide a text in it: characters that draw nothing or change the
 * direction, controls (but not line break and tab) and lone surrogates. Joiners and the emoji selector are kept where
 * they join or select, one at a time: words of many languages and many emoji need them there.
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

/** Whether a person reads the text as it is. */
export function isPlain(text: string): boolean {
  return text.replace(DECEPTIVE, '') === text
}

/** Schema of a caller's text of up to `max` UTF-16 units: refused if it is blank or not plain. */
export function plainText(max: number) {
  return z
    .string()
    .max(max)
    .refine(text => text.trim() !== '', 'is empty')
    .refine(isPlain, 'holds control, bidirectional or invisible characters')
}

/** Schema of a backend's text, which keeps its lines: cleaned of deceptive characters, cut to `max` UTF-16 units. */
export function untrustedText(max: number) {
  return cleaned(max, text => text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n'))
}

/** Schema of a backend's text that becomes one line: cleaned of deceptive characters, cut to `max` UTF-16 units. */
export function untrustedLine(max: number) {
  return cleaned(max, text => text.replace(/[\s\u0085]+/g, ' '))
}

function cleaned(max: number, normalise: (text: string) => string) {
  return z
    .string()
    .transform(text => clip(plain(normalise(text)), max))
    .pipe(z.string().max(max))
}

/** The text as one line, cleaned of deceptive characters: at most its first `max` UTF-16 units. */
export function plainLine(text: string, max: number): string {
  return clip(plain(text.replace(/[\s\u0085]+/g, ' ')).trim(), max)
}

/** The text cleaned of deceptive characters: at most its last `max` UTF-16 units. */
export function plainEnd(text: string, max: number): string {
  const whole = plain(text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')).trim()
  return whole.length <= max ? whole : `…${plain(whole.slice(whole.length - max + 1))}`
}

/** Cuts at the end, never in the middle of a character. */
function clip(text: string, max: number): string {
  return text.length <= max ? text : `${plain(text.slice(0, max - 1))}…`
}

/** The text without deceptive characters. Repeats itself: removing one can leave a joiner with nothing to join. */
function plain(text: string): string {
  const cleaner = text.replace(DECEPTIVE, '')
  return cleaner === text ? text : plain(cleaner)
}
