import type { Kind } from '../finding.ts'
import { ofEachText, type Rule } from './rule.ts'

export const KINDS = {
  INVISIBLE_CHARACTERS: {
    item: 1,
    severity: 'error',
    title: 'shows the model what people do not see',
    why: 'Characters without a shape carry whole sentences past every reviewer.',
    narrow: 'Take them out; nothing in a description needs them.',
  },
  TURNED_TEXT: {
    item: 1,
    severity: 'error',
    title: 'turns the direction of its text round',
    why: 'People read something else than the model does.',
    narrow: 'Take the characters out; scripts that run from right to left do without them.',
  },
  TERMINAL_CODES: {
    item: 1,
    severity: 'error',
    title: 'holds control characters',
    why: 'A terminal obeys them: lines vanish, colours hide text, links lead elsewhere.',
    narrow: 'Take them out.',
  },
  HIDDEN_COMMENT: {
    item: 1,
    severity: 'warning',
    title: 'holds a comment that is not shown',
    why: 'What renders Markdown leaves it out; the model reads it.',
    narrow: 'Take it out.',
  },
  HIDING_WHITESPACE: {
    item: 1,
    severity: 'warning',
    title: 'has text far outside what is shown',
    why: 'People see the beginning; what follows a long gap stands where nobody looks.',
    narrow: 'Take the gap out.',
  },
  LONG_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'says more than anybody reads',
    why: 'The model reads to the end, where no reviewer gets to.',
    narrow: 'A few sentences: what it does, and what it takes.',
  },
  ENCODED_TEXT: {
    item: 1,
    severity: 'warning',
    title: 'holds something encoded',
    why: 'A model decodes it, a reviewer does not.',
    narrow: 'Write it out, or take it out.',
  },
} as const satisfies Record<string, Kind>

const ZERO_WIDTH = /\u034f|[\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\uffff]/u
/** Joiners belong into Persian, into scripts of India and between emoji; between Latin letters they hide something. */
const MISPLACED_JOINER = /(?:^|[\x20-\x7e\u00c0-\u024f])[\u200c\u200d]|[\u200c\u200d](?:$|[\x20-\x7e\u00c0-\u024f])/u
const TAGS = /[\u{e0000}-\u{e007f}]/u
/** The flags of England, Scotland and Wales are spelt in tags. */
const FLAGS = /\u{1f3f4}[\u{e0061}-\u{e007a}]{4,6}\u{e007f}/gu
const SELECTORS =
  /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2}|(?:^|[^\p{Script=Han}])[\u{e0100}-\u{e01ef}]|(?:^|[\x20-\x22\x24-\x29\x2b-\x2f\x3a-\x7e])[\ufe00-\ufe0f]/u
const PRIVATE = /\p{Co}/u
const BIDI = /[\u202a-\u202e\u2066-\u2069]/u
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/u
const COMMENT = /<!--|\[\/\/\]: ?#|\]\(data:|display: ?none|font-size: ?0|visibility: ?hidden/i
/** Neither looks further than the gap's end: a long text of nothing but spaces is read once. */
const GAP = /[^\S\n]{40}\S|(?:\n[^\S\n]{0,20}){12}\S/u
const ENCODED =
  /[A-Za-z0-9+/]{80}|[0-9a-fA-F]{64}|(?:%[0-9a-fA-F]{2}){12}|(?:\\u[0-9a-fA-F]{4}){8}|(?:\\x[0-9a-fA-F]{2}){12}|(?:&#x?[0-9a-fA-F]{2,6};){8}/

const LONGEST = 20_000

export const hiddenText: Rule<keyof typeof KINDS> = ofEachText(() => (text, say) => {
  const bare = text.replace(FLAGS, '')
  if (ZERO_WIDTH.test(bare)) say('INVISIBLE_CHARACTERS', 'it holds characters without width')
  else if (TAGS.test(bare)) say('INVISIBLE_CHARACTERS', 'it holds invisible letters (tags)')
  else if (SELECTORS.test(bare)) say('INVISIBLE_CHARACTERS', 'it holds variation selectors that select nothing')
  else if (MISPLACED_JOINER.test(bare)) say('INVISIBLE_CHARACTERS', 'it holds joiners that join nothing')
  else if (PRIVATE.test(bare)) say('INVISIBLE_CHARACTERS', 'it holds characters of private use')
  if (BIDI.test(bare)) say('TURNED_TEXT', 'it holds controls of the direction of text')
  if (CONTROL.test(bare)) say('TERMINAL_CODES', 'it holds control characters')
  if (COMMENT.test(bare)) say('HIDDEN_COMMENT', 'it holds markup that is not shown')
  if (text.length > LONGEST) say('LONG_TEXT', `it is longer than ${LONGEST} characters`)
  if (GAP.test(bare.replaceAll('\r', ''))) say('HIDING_WHITESPACE', 'text follows a long gap')
  const encoded = ENCODED.exec(bare)?.[0]
  if (encoded !== undefined && isEncoded(encoded)) say('ENCODED_TEXT', 'it holds a long run that is no language')
})

/** A long path or a row of one letter is not encoded. */
function isEncoded(run: string): boolean {
  return new Set(run).size > 8 && /\d/.test(run) && /[a-zA-Z]/.test(run) && run.split('/').length < 8
}
