import type { Kind } from '../finding.ts'
import { ofEachText, type Rule } from './rule.ts'

export const KINDS = {
  INVISIBLE_CHARACTERS: {
    item: 1,
    severity: 'error',
    title: 'Text contains invisible characters',
    why: 'The model reads them, but people do not see them. They can carry a prompt injection past a reviewer.',
    narrow: 'Remove the invisible characters.',
  },
  TURNED_TEXT: {
    item: 1,
    severity: 'error',
    title: 'Text contains bidirectional control characters',
    why: 'They change the displayed order of the text, so that a reviewer reads something else than the model does.',
    narrow: 'Remove them. Right-to-left scripts do not need explicit direction controls.',
  },
  TERMINAL_CODES: {
    item: 1,
    severity: 'error',
    title: 'Text contains control characters',
    why: 'Terminals interpret them. They can erase lines, hide text and fake links.',
    narrow: 'Remove the control characters.',
  },
  HIDDEN_COMMENT: {
    item: 1,
    severity: 'warning',
    title: 'Text contains markup that is not displayed',
    why: 'Markdown and HTML renderers hide it from people, but the model reads it.',
    narrow: 'Remove the comment or the hidden markup.',
  },
  HIDING_WHITESPACE: {
    item: 1,
    severity: 'warning',
    title: 'Text continues after a long gap',
    why: 'People see only the beginning. The text after the gap is outside the visible area, but the model reads it.',
    narrow: 'Remove the gap.',
  },
  LONG_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'Text is too long to review',
    why: 'Reviewers skip the end of a long text, but the model reads all of it.',
    narrow: 'Shorten it to a few sentences: what the tool does and which arguments it takes.',
  },
  ENCODED_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'Text contains encoded data',
    why: 'Models can decode it, but reviewers usually do not.',
    narrow: 'Write it as plain text, or remove it.',
  },
} as const satisfies Record<string, Kind>

const ZERO_WIDTH = /\u034f|[\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\uffff]/u
/**
 * Zero-width joiners are valid in Persian, in Indic scripts and between emoji. Next to Latin letters they hide
 * something.
 */
const MISPLACED_JOINER = /(?:^|[\x20-\x7e\u00c0-\u024f])[\u200c\u200d]|[\u200c\u200d](?:$|[\x20-\x7e\u00c0-\u024f])/u
const TAGS = /[\u{e0000}-\u{e007f}]/u
/** The flags of England, Scotland and Wales are encoded with tag characters. */
const FLAGS = /\u{1f3f4}[\u{e0061}-\u{e007a}]{4,6}\u{e007f}/gu
const SELECTORS =
  /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2}|(?:^|[^\p{Script=Han}])[\u{e0100}-\u{e01ef}]|(?:^|[\x20-\x22\x24-\x29\x2b-\x2f\x3a-\x7e])[\ufe00-\ufe0f]/u
const PRIVATE = /\p{Co}/u
const BIDI = /[\u202a-\u202e\u2066-\u2069]/u
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/u
const COMMENT = /<!--|\[\/\/\]: ?#|\]\(data:|display: ?none|font-size: ?0|visibility: ?hidden/i
/** Both alternatives are bounded, so that a long run of spaces is scanned once. */
const GAP = /[^\S\n]{40}\S|(?:\n[^\S\n]{0,20}){12}\S/u
const ENCODED =
  /[A-Za-z0-9+/]{80}|[0-9a-fA-F]{64}|(?:%[0-9a-fA-F]{2}){12}|(?:\\u[0-9a-fA-F]{4}){8}|(?:\\x[0-9a-fA-F]{2}){12}|(?:&#x?[0-9a-fA-F]{2,6};){8}/

const MAX_CHARACTERS = 20_000

export const hiddenText: Rule<keyof typeof KINDS> = ofEachText(() => (text, say) => {
  const bare = text.replace(FLAGS, '')
  if (ZERO_WIDTH.test(bare)) say('INVISIBLE_CHARACTERS', 'it contains zero-width characters')
  else if (TAGS.test(bare)) say('INVISIBLE_CHARACTERS', 'it contains invisible tag characters')
  else if (SELECTORS.test(bare)) say('INVISIBLE_CHARACTERS', 'it contains variation selectors without effect')
  else if (MISPLACED_JOINER.test(bare)) say('INVISIBLE_CHARACTERS', 'it contains zero-width joiners without effect')
  else if (PRIVATE.test(bare)) say('INVISIBLE_CHARACTERS', 'it contains private-use characters')
  if (BIDI.test(bare)) say('TURNED_TEXT', 'it contains bidirectional control characters')
  if (CONTROL.test(bare)) say('TERMINAL_CODES', 'it contains control characters')
  if (COMMENT.test(bare)) say('HIDDEN_COMMENT', 'it contains markup that is not displayed')
  if (text.length > MAX_CHARACTERS) say('LONG_TEXT', `it is longer than ${MAX_CHARACTERS} characters`)
  if (GAP.test(bare.replaceAll('\r', ''))) say('HIDING_WHITESPACE', 'text follows after a long gap')
  const encoded = ENCODED.exec(bare)?.[0]
  if (encoded !== undefined && isEncoded(encoded)) say('ENCODED_TEXT', 'it contains a long encoded sequence')
})

/** A long path or a repeated letter is not encoded data. */
function isEncoded(run: string): boolean {
  return new Set(run).size > 8 && /\d/.test(run) && /[a-zA-Z]/.test(run) && run.split('/').length < 8
}
