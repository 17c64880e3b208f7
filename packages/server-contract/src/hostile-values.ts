import { pathToFileURL } from 'node:url'
import { nested, RawJson } from './raw-json.ts'
import type { Field } from './subject.ts'

/** A value that the server must refuse, and its name in a failure. */
export type Hostile = readonly [title: string, value: unknown]

export interface Aim {
  readonly field: Field
  /** A valid value of the field. */
  readonly sample: unknown
  /** A file that the server must not read. */
  readonly outside: string
  /** A text that must not appear in any log or audit file. */
  readonly canary: string
}

const MEGABYTE = 1024 * 1024

/** Invalid values of a field. */
export function hostileValues(aim: Aim): Hostile[] {
  const { kind } = aim.field
  return [
    ...wrongTypes(aim),
    ...hiddenText(aim),
    ...wrongLengths(aim),
    ...(kind === 'text' ? [] : [...paths(aim), ...code(aim)]),
    ...(kind === 'id' || kind === 'filename' ? urls(aim) : []),
    ...(kind === 'email' ? addresses() : []),
    ...(kind === 'choice' ? nearMisses(aim) : []),
  ]
}

function wrongTypes({ sample, canary }: Aim): Hostile[] {
  return [
    ['null', null],
    ['true', true],
    ['zero', 0],
    ['a negative number', -1],
    ['a fraction', 0.1],
    ['a number that is not safe', new RawJson('9007199254740993')],
    ['a number that is too large', new RawJson('1e999')],
    ['an empty list', []],
    ['a list with a valid value', [sample]],
    ['an empty object', {}],
    ['an object with unknown texts', { [canary]: canary }],
    ['a nested object', { a: { b: [{ c: sample }] } }],
    ['an object that looks like a string', { toString: String(sample), length: 3 }],
    ['a query operator', { $ne: null, $gt: '' }],
    ['10,000 nested lists', nested(10_000)],
  ]
}

function hiddenText({ field, sample, canary }: Aim): Hostile[] {
  const good = String(sample)
  return [
    ['an empty string', ''],
    ['spaces only', '   '],
    ['line breaks only', '\n\n\t'],
    ['a null character', '\0'],
    ['a null character in the text', `${good}\0${canary}`],
    ['a bell', `${good}\u0007${canary}`],
    ['a terminal escape sequence', `\u001b[2J${good}`],
    ['a C1 control character', `${good}\u009b`],
    ['a backspace', `${good}\b`],
    ['an HTTP header after a line break', `${good}\r\nX-Injected: ${canary}`],
    ['a bidi override', `\u202e${good}`],
    ['a bidi isolate', `${good}\u2066`],
    ['a zero-width space', `${good.slice(0, 1)}\u200b${good.slice(1)}`],
    ['a byte-order mark', `\ufeff${good}`],
    ['Unicode tag characters', `${good}\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}`],
    ['a high surrogate', `${good}\ud800`],
    ['a low surrogate', `\udc00${good}`],
    ...(field.oneLine || field.kind !== 'text' ? ([['a second line', `${good}\n${canary}`]] as const) : []),
  ]
}

function wrongLengths({ field, canary }: Aim): Hostile[] {
  const { kind, min = 0, max } = field
  return [
    ['1 MB', canary.repeat(Math.ceil(MEGABYTE / canary.length))],
    ['1 MB of valid characters', filled(kind, MEGABYTE)],
    ...(max === undefined ? [] : [['one character too many', filled(kind, max + 1)] as const]),
    ...(max === undefined || kind !== 'filename' ? [] : [['too many bytes', `${'é'.repeat(max / 2)}.md`] as const]),
    ...(min > 1 ? [['one character too few', filled(kind, min - 1)] as const] : []),
  ]
}

/** A value that is valid except for its length. */
function filled(kind: Field['kind'], length: number): string {
  const end = kind === 'filename' ? '.md' : kind === 'email' ? '@example.com' : ''
  return 'a'.repeat(length - end.length) + end
}

function paths({ outside }: Aim): Hostile[] {
  const values = [
    '../outside.md',
    '..\\outside.md',
    '../../../../etc/passwd',
    '....//outside.md',
    './draft.md',
    'x/../../outside.md',
    '%2e%2e%2foutside.md',
    '%2e%2e/outside.md',
    '..%2foutside.md',
    '%252e%252e%252foutside.md',
    '..%c0%afoutside.md',
    '..\u2215outside.md',
    '\uff0e\uff0e\uff0foutside.md',
    outside,
    pathToFileURL(outside).href,
    '/etc/passwd',
    '/proc/self/environ',
    '~/.ssh/id_ed25519',
    'C:\\Windows\\win.ini',
    'C:draft.md',
    '\\\\server\\share\\draft.md',
    '//server/share/draft.md',
    '\\\\?\\C:\\draft.md',
    'CON.md',
    'nul .md',
    'COM1.md',
    'LPT1.draft.md',
    'draft.md:stream',
    'draft.md::$DATA',
    '.draft.md',
    '.env',
    'draft.md.',
    'draft.MD ',
    '-rf.md',
  ]
  return values.map(value => [`the path ${value}`, value])
}

function code({ canary }: Aim): Hostile[] {
  const values = [
    `' OR '1'='1`,
    `1; DROP TABLE customers; --`,
    `x' UNION SELECT '${canary}`,
    `$(touch ${canary})`,
    '`id`',
    '; rm -rf /',
    '| cat /etc/passwd',
    '&& id',
    '{{7*7}}',
    '${process.env.PATH}',
    '<%= system("id") %>',
    '<script>alert(1)</script>',
    `{"$where":"sleep(1)"}`,
    '*',
    '%s%s%n',
  ]
  return values.map(value => [`the code ${value}`, value])
}

function urls({ field, sample }: Aim): Hostile[] {
  const good = String(sample)
  const values = [
    '.',
    '..',
    '...',
    '/',
    '?',
    '#',
    ';',
    '%',
    '%2f',
    '%00',
    `${good}/`,
    `/${good}`,
    `${good}/replies`,
    `${good}/../export`,
    `${good}?limit=1000`,
    `${good}#x`,
    `${good};x=1`,
    `${good}%2freplies`,
    `${good}%3flimit=1`,
    `${good}&all=1`,
    `${good}@other.example`,
    `${good}\\..\\export`,
    '?all=true',
    'https://other.example/',
    '//other.example/',
    '@other.example',
    'javascript:alert(1)',
    // Words that could be other endpoints.
    'export',
    'search',
    'by-email',
    'whoami',
    'openapi',
    'all',
    'me',
    // Ids of other objects.
    ...(field.kind === 'id' ? ['zzz_4mz8wk2hqv6s', '1', 'undefined', 'null', good.toUpperCase()] : []),
  ]
  return values.map(value => [`the URL part ${value}`, value])
}

function addresses(): Hostile[] {
  const values = [
    'nobody',
    '@',
    'a@',
    '@example.com',
    'a@b',
    'a@@example.com',
    'a b@example.com',
    'a@example.com,b@example.com',
    'a@example.com;b@example.com',
    '*@example.com',
    '%@example.com',
    'a@example.com?all=1',
    'a@example.com#x',
    'a@example.com&all=1',
    '../a@example.com',
    'Anna <a@example.com>',
    'mailto:a@example.com',
  ]
  return values.map(value => [`the address ${value}`, value])
}

function nearMisses({ sample }: Aim): Hostile[] {
  const good = String(sample)
  const values = [good.toUpperCase(), ` ${good}`, `${good} `, `${good},${good}`, good.slice(0, -1), `${good}\u0301`]
  return values.map(value => [`the word ${JSON.stringify(value)}`, value])
}
