import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util'
import { FORMATS, type Format } from './report/index.ts'

/** The parsed command line. */
export type Command =
  | { readonly does: 'help' }
  | { readonly does: 'version' }
  | { readonly does: 'explain'; readonly code: string | undefined }
  | ({ readonly does: 'examine' | 'lock' | 'verify' } & Options)

/** Options as given on the command line. No file is read and no environment variable is looked up yet. */
export interface Options {
  /** A command with its arguments, or a URL. */
  readonly server: readonly [string, ...string[]] | URL
  /** `NAME=VALUE`, or `NAME` to pass on a variable of this process. */
  readonly env: readonly string[]
  readonly tokenFile: string | undefined
  readonly foreignTokenFile: string | undefined
  readonly writeProbes: boolean
  readonly timeoutSeconds: number
  readonly audit: string | undefined
  readonly source: string | undefined
  readonly manifest: string | undefined
  readonly lock: string | undefined
  readonly beside: readonly string[]
  readonly format: Format
  readonly output: string | undefined
  readonly failOn: 'error' | 'warning'
  readonly strict: boolean
  readonly watch: boolean
  readonly quiet: boolean
  readonly acceptBy: string | undefined
  /** `TOOL=TEXT` or `TOOL`. */
  readonly worstCases: readonly string[]
}

/** Invalid usage; the message explains the problem. */
export class UsageError extends Error {
  override name = 'UsageError'
}

const TEXT = { type: 'string' } as const
const TEXTS = { type: 'string', multiple: true, default: [] as string[] } as const
const FLAG = { type: 'boolean', default: false } as const

const CONNECTION_OPTIONS = {
  env: TEXTS,
  'token-file': TEXT,
  timeout: { ...TEXT, default: '120' },
  lock: TEXT,
  quiet: FLAG,
}
const REPORT_OPTIONS = {
  format: { ...TEXT, default: 'terminal' },
  output: TEXT,
  'fail-on': { ...TEXT, default: 'error' },
  strict: FLAG,
}
const EXAMINE_OPTIONS = {
  'foreign-token-file': TEXT,
  'write-probes': FLAG,
  audit: TEXT,
  source: TEXT,
  manifest: TEXT,
  beside: TEXTS,
  watch: FLAG,
}
const LOCK_OPTIONS = { 'accept-by': TEXT, 'worst-case': TEXTS }
const ALL_OPTIONS = { ...CONNECTION_OPTIONS, ...REPORT_OPTIONS, ...EXAMINE_OPTIONS, ...LOCK_OPTIONS } satisfies Record<
  string,
  ParseArgsOptionDescriptor
>

/** The options that each command accepts. */
const OPTIONS_OF = {
  examine: { ...CONNECTION_OPTIONS, ...REPORT_OPTIONS, ...EXAMINE_OPTIONS },
  verify: { ...CONNECTION_OPTIONS, ...REPORT_OPTIONS },
  lock: { ...CONNECTION_OPTIONS, ...LOCK_OPTIONS },
} as const

/** Parses the arguments that follow the program name. @throws {UsageError} */
export function parseCommand(words: readonly string[]): Command {
  const end = words.includes('--') ? words.indexOf('--') : words.length
  const own = words.slice(0, end)
  if (own.length === 0 && end === words.length) return { does: 'help' }
  if (own.includes('--help') || own.includes('-h')) return { does: 'help' }
  if (own.includes('--version') || own.includes('-v')) return { does: 'version' }
  const [first, ...rest] = own
  if (first === 'explain') {
    if (rest.length > 1 || end < words.length) throw new UsageError('explain takes one code or no argument')
    return { does: 'explain', code: rest[0] }
  }
  const does = first === 'lock' || first === 'verify' ? first : 'examine'
  return { does, ...parseOptions(does, does === 'examine' ? own : rest, words.slice(end + 1)) }
}

function parseOptions(does: keyof typeof OPTIONS_OF, args: string[], command: string[]): Options {
  const { values, positionals } = parse(does, args)
  const { format, 'fail-on': failOn } = values
  if (!isOneOf(FORMATS, format)) throw new UsageError(`--format must be one of ${FORMATS.join(', ')}`)
  if (!isOneOf(['error', 'warning'] as const, failOn)) throw new UsageError('--fail-on must be error or warning')
  const timeoutSeconds = /^\d{1,5}$/.test(values.timeout) ? Number(values.timeout) : 0
  if (timeoutSeconds < 1) throw new UsageError('--timeout must be a number of seconds from 1 to 99999')
  return {
    server: serverOf(positionals, command),
    env: values.env,
    tokenFile: values['token-file'],
    foreignTokenFile: values['foreign-token-file'],
    writeProbes: values['write-probes'],
    timeoutSeconds,
    audit: values.audit,
    source: values.source,
    manifest: values.manifest,
    lock: values.lock,
    beside: values.beside,
    format,
    output: values.output,
    failOn,
    strict: values.strict,
    watch: values.watch,
    quiet: values.quiet,
    acceptBy: values['accept-by'],
    worstCases: values['worst-case'],
  }
}

function parse(does: keyof typeof OPTIONS_OF, args: string[]) {
  let given: ReturnType<
    typeof parseArgs<{ args: string[]; options: typeof ALL_OPTIONS; allowPositionals: true; tokens: true }>
  >
  try {
    given = parseArgs({ args, options: ALL_OPTIONS, allowPositionals: true, tokens: true })
  } catch (error) {
    // The first sentence states the problem. The rest of Node’s message gives advice that does not apply here.
    throw new UsageError((error as Error).message.split('. ')[0] ?? '')
  }
  for (const token of given.tokens)
    if (token.kind === 'option' && !Object.hasOwn(OPTIONS_OF[does], token.name))
      throw new UsageError(`${does === 'examine' ? 'the examination' : does} does not accept ${token.rawName}`)
  return given
}

function serverOf(positionals: readonly string[], [program, ...args]: readonly string[]): Options['server'] {
  const [address, ...more] = positionals
  if (address === undefined) {
    if (program === undefined || program === '')
      throw new UsageError('no server given: pass -- COMMAND [ARGS…] or a URL')
    return [program, ...args]
  }
  if (more.length > 0 || !/^https?:/i.test(address))
    throw new UsageError(`“${address}” is neither an option nor a URL; put a command after --`)
  if (program !== undefined) throw new UsageError('pass either a URL or a command, not both')
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url) throw new UsageError(`“${address}” is not a URL`)
  if (url.username !== '' || url.password !== '')
    throw new UsageError('the URL must not contain a user name or a password')
  return url
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text)
}
