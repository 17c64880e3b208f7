import type { Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { SECRET_LIKE } from '../secret-like.ts'
import { secretsOf } from '../secrets.ts'
import type { Target } from '../target.ts'
import { attempt } from './attempt.ts'
import { baselinesOf } from './baseline.ts'
import { REFERENCE_FIELD } from './injection.ts'
import type { ProbeContext, RecordedReply } from './probe.ts'
import { soundsRefused } from './reply-text.ts'
import { violationOf } from './schema-check.ts'

export const LEAK_KINDS = {
  STACK_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'Error contains a stack trace',
    why: 'It tells an attacker which code and versions run, and where an exception occurred.',
    narrow: 'Map exceptions to a closed set of messages, and write the stack trace to the operator’s log.',
  },
  PATH_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'Error contains a file path of the server',
    why: 'It reveals user names and the file system layout to every caller.',
    narrow: 'Refer to things in errors by the names that the caller used, not by file system paths.',
  },
  QUERY_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'Error contains a database message',
    why: 'It reveals tables and columns, and suggests that caller input reaches the database (SQL injection).',
    narrow: 'Map backend errors to messages of the server’s own.',
  },
  BACKEND_ADDRESS_SHOWN: {
    item: 2,
    severity: 'warning',
    title: 'Error contains an internal network address',
    why: 'It tells an attacker which internal hosts exist.',
    narrow: 'Say that the backend cannot be reached, without its address.',
  },
  SECRET_SHOWN: {
    item: 4,
    severity: 'error',
    title: 'Reply contains the server’s credential',
    why: 'Every caller can read it, and it is stored in every log on the way.',
    narrow:
      'Use the credential only where requests are sent. Never put requests, headers or settings into replies. Rotate the exposed credential.',
  },
  SECRET_LIKE_SHOWN: {
    item: 4,
    severity: 'error',
    title: 'Reply contains something that looks like a credential',
    why: 'If it is a credential, every caller can read it.',
    narrow: 'Return only the fields that the output schema names.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof LEAK_KINDS

// The text comes from the server, so every repetition that could overlap with another one is bounded (ReDoS).
const STACK =
  /\n[ \t]{1,40}at (?:async )?[\w.<>$[\] ]{0,200}\(?[^\s()]{1,300}:\d{1,7}:\d{1,7}\)?|Traceback \(most recent call last\)|File "[^"\n]{1,300}", line \d+|\bat [\w.$]+\([\w]+\.java:\d+\)|goroutine \d+ \[/
const PATH =
  /(?:^|[\s"'`(=:,[])(\/(?:home|Users|root|tmp|var|etc|usr|opt|srv|app|private|mnt|workspace)\/[^\s"'`),:]+|[A-Za-z]:\\[^\s"'`)]+)/
const QUERY =
  /\bSELECT\b[^\n]{1,200}\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b|\bSQLITE_[A-Z]+|\bSQLSTATE\b|\bORA-\d{5}|syntax error at or near|near "[^"]*": syntax error|no such (?:table|column)|relation "[^"]+" does not exist|\bMongo(?:Server)?Error\b/
const ADDRESS =
  /\b(?:https?|wss?|postgres(?:ql)?|mysql|mongodb|redis):\/\/(?:[^\s/"']*@)?(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|[\w.-]+\.(?:internal|local|lan|corp|svc)\b|[\w-]+(?::\d+|\/))|\b(?:ECONNREFUSED|ENOTFOUND|EHOSTUNREACH)\b\s+\S+/

/** Searches every reply to earlier probes, and replies to unknown ids, for secrets and internal details. */
export async function leaksProbe(context: ProbeContext): Promise<Result> {
  await requestUnknownIds(context)
  const { replies, target } = context
  const findings: Finding[] = []
  const secrets = secretsOf(target)
  const find = (code: Code, { tool }: RecordedReply, message: string): void => {
    if (!findings.some(each => each.code === code && each.tool === sanitize(tool, 80)))
      findings.push({ code, tool: sanitize(tool, 80), message })
  }
  const disclosed = disclosedFolders(replies)
  for (const each of replies) {
    const text = withoutEcho(each)
    for (const [name, value] of secrets)
      if (text.includes(value)) find('SECRET_SHOWN', each, `a reply contains the value of ${sanitize(name, 60)}`)
    if (SECRET_LIKE.test(text)) find('SECRET_LIKE_SHOWN', each, 'a reply contains a token or a key')
    if (each.outcome === 'done' && !soundsRefused(text)) continue
    if (STACK.test(text)) find('STACK_SHOWN', each, `a refused call returned “${sanitize(STACK.exec(text)?.[0], 80)}”`)
    const path = pathsIn(text).find(
      at => !isEcho(at, each) && !disclosed.some(folder => at === folder || at.startsWith(`${folder}/`)),
    )
    if (path !== undefined) find('PATH_SHOWN', each, `a refused call returned “${sanitize(path, 80)}”`)
    if (QUERY.test(text)) find('QUERY_SHOWN', each, `a refused call returned “${sanitize(QUERY.exec(text)?.[0], 80)}”`)
    const address = ADDRESS.exec(text)?.[0]
    if (address !== undefined && !isOwn(address, target))
      find('BACKEND_ADDRESS_SHOWN', each, `a refused call returned “${sanitize(address, 80)}”`)
  }
  const refused = replies.filter(({ outcome }) => outcome === 'refused').length
  if (findings.length > 0 || refused === 0) return { findings, evidence: [] }
  return {
    findings,
    evidence: [
      { item: 2, text: `${refused} refusals contain no stack trace, file path, database message or internal address` },
      ...(secrets.length > 0
        ? [
            {
              item: 4 as const,
              text: `none of ${replies.length} replies contains one of the ${secrets.length} secrets that the server was given`,
            },
          ]
        : []),
    ],
  }
}

const MAX_PATHS = 200

function pathsIn(text: string): string[] {
  const found = [...text.matchAll(new RegExp(PATH, 'g'))].slice(0, MAX_PATHS)
  return found.map(([, path = '']) => path)
}

/** Whether a path repeats the caller’s own argument: `../../tmp/a` may come back as `/tmp/a`. */
function isEcho(path: string, { sent }: RecordedReply): boolean {
  const [begin = ''] = path.split(/\p{Cc}/u)
  return begin.length > 8 && sent.includes(begin.slice(1))
}

/** Folders that successful results name: a file server may tell which folders it serves. */
function disclosedFolders(replies: readonly RecordedReply[]): string[] {
  const successful = replies.filter(({ outcome, text }) => outcome === 'done' && !soundsRefused(text))
  const folders = successful.flatMap(each => pathsIn(withoutEcho(each))).map(path => path.replace(/\/+$/, ''))
  return [...new Set(folders)].filter(folder => folder.split('/').length > 2).slice(0, MAX_PATHS)
}

/**
 * Requests well-formed ids that do not exist. These calls get furthest before they are refused: to the backend or the
 * file system.
 */
async function requestUnknownIds(context: ProbeContext): Promise<void> {
  for (const { tool, args } of await baselinesOf(context))
    for (const [field, value] of Object.entries(args)) {
      if (typeof value !== 'string' || !REFERENCE_FIELD.test(field) || context.shouldStop()) continue
      const variants = ['9', 'x', '99'].flatMap(end => [value + end, value.slice(0, -1) + end, end + value])
      const unknown = variants
        .map(other => ({ ...args, [field]: other }))
        .find(each => each[field] !== value && violationOf(each, tool.inputSchema) === undefined)
      if (unknown) await attempt(context, tool.name, unknown)
    }
}

/** Removes the caller’s own arguments from a reply: repeating them discloses nothing. */
function withoutEcho({ text, sent }: RecordedReply): string {
  const strings = [...sent.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, inner = '']) => inner)
  let rest = text
  for (const string of strings.slice(0, 100))
    for (const form of [string, unescaped(string)]) if (form.length > 3) rest = rest.replaceAll(form, ' ')
  return rest
}

function unescaped(inner: string): string {
  try {
    return String(JSON.parse(`"${inner}"`))
  } catch {
    return inner
  }
}

function isOwn(address: string, target: Target): boolean {
  return target.kind === 'url' && address.includes(target.url.host)
}
