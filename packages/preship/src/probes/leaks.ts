import type { Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { secretsOf } from '../secrets.ts'
import type { Target } from '../target.ts'
import { attempt } from './attempt.ts'
import { baselinesOf } from './baseline.ts'
import { LEADS_SOMEWHERE } from './places.ts'
import type { Heard, Probing } from './probe.ts'
import { soundsRefused } from './reply-text.ts'
import { breachOf } from './schema-check.ts'

export const LEAK_KINDS = {
  STACK_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'an error shows a stack trace',
    why: 'It tells an attacker which code runs, in which version, and where a fault in it was just hit.',
    narrow: 'Map every fault to a closed set of messages; write the stack to the operator’s log.',
  },
  PATH_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'an error shows a path of the server’s machine',
    why: 'It tells user names and the layout of a machine to whoever talks to the model.',
    narrow: 'Name things in errors as the caller named them, never as the file system does.',
  },
  QUERY_SHOWN: {
    item: 2,
    severity: 'error',
    title: 'an error shows a database’s words',
    why: 'It tells tables and columns, and that what a caller writes may get as far as the database.',
    narrow: 'Map the backend’s errors to messages of the server’s own.',
  },
  BACKEND_ADDRESS_SHOWN: {
    item: 2,
    severity: 'warning',
    title: 'an error shows an address inside the network',
    why: 'It tells where to aim next.',
    narrow: 'Say that the backend cannot be reached, not where it is.',
  },
  SECRET_SHOWN: {
    item: 4,
    severity: 'error',
    title: 'a credential stands in a reply',
    why: 'Whoever talks to the model has it from now on, and so has every log on the way.',
    narrow:
      'Keep the credential in the one place that sends it; never put requests, headers or settings into replies. Replace this one.',
  },
  SECRET_LIKE_SHOWN: {
    item: 4,
    severity: 'error',
    title: 'something that looks like a credential stands in a reply',
    why: 'If it is one, whoever talks to the model has it from now on.',
    narrow: 'Return the fields that the tool promises, and nothing that was passed along with them.',
  },
} as const satisfies Record<string, Kind>

type Code = keyof typeof LEAK_KINDS

// The text is the server’s: every repetition that could overlap with another one is bounded.
const STACK =
  /\n[ \t]{1,40}at (?:async )?[\w.<>$[\] ]{0,200}\(?[^\s()]{1,300}:\d{1,7}:\d{1,7}\)?|Traceback \(most recent call last\)|File "[^"\n]{1,300}", line \d+|\bat [\w.$]+\([\w]+\.java:\d+\)|goroutine \d+ \[/
const PATH =
  /(?:^|[\s"'`(=:,[])(\/(?:home|Users|root|tmp|var|etc|usr|opt|srv|app|private|mnt|workspace)\/[^\s"'`),:]+|[A-Za-z]:\\[^\s"'`)]+)/
const QUERY =
  /\bSELECT\b[^\n]{1,200}\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b|\bSQLITE_[A-Z]+|\bSQLSTATE\b|\bORA-\d{5}|syntax error at or near|near "[^"]*": syntax error|no such (?:table|column)|relation "[^"]+" does not exist|\bMongo(?:Server)?Error\b/
const ADDRESS =
  /\b(?:https?|wss?|postgres(?:ql)?|mysql|mongodb|redis):\/\/(?:[^\s/"']*@)?(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|[\w.-]+\.(?:internal|local|lan|corp|svc)\b|[\w-]+(?::\d+|\/))|\b(?:ECONNREFUSED|ENOTFOUND|EHOSTUNREACH)\b\s+\S+/
const SECRET_LIKE =
  /\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_\w{16,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{20,}|\bglpat-[\w-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b[Bb]earer [A-Za-z0-9._~+/-]{20,}/

/** Looks at every reply that other probes got for what it gives away; and at those for what is not there. */
export async function leaksProbe(probing: Probing): Promise<Result> {
  await askForStrangers(probing)
  const { heard, target } = probing
  const findings: Finding[] = []
  const secrets = secretsOf(target)
  const find = (code: Code, { tool }: Heard, message: string): void => {
    if (!findings.some(each => each.code === code && each.tool === plain(tool, 80)))
      findings.push({ code, tool: plain(tool, 80), message })
  }
  const told = foldersTold(heard)
  for (const each of heard) {
    const text = withoutEcho(each)
    for (const [name, value] of secrets)
      if (text.includes(value)) find('SECRET_SHOWN', each, `the value of ${plain(name, 60)} stands in a reply`)
    if (SECRET_LIKE.test(text)) find('SECRET_LIKE_SHOWN', each, 'a token or a key stands in a reply')
    if (each.outcome === 'done' && !soundsRefused(text)) continue
    if (STACK.test(text)) find('STACK_SHOWN', each, `a refused call: “${plain(STACK.exec(text)?.[0], 80)}”`)
    const path = pathsIn(text).find(
      at => !isEcho(at, each) && !told.some(folder => at === folder || at.startsWith(`${folder}/`)),
    )
    if (path !== undefined) find('PATH_SHOWN', each, `a refused call: “${plain(path, 80)}”`)
    if (QUERY.test(text)) find('QUERY_SHOWN', each, `a refused call: “${plain(QUERY.exec(text)?.[0], 80)}”`)
    const address = ADDRESS.exec(text)?.[0]
    if (address !== undefined && !isOwn(address, target))
      find('BACKEND_ADDRESS_SHOWN', each, `a refused call: “${plain(address, 80)}”`)
  }
  const refused = heard.filter(({ outcome }) => outcome === 'refused').length
  if (findings.length > 0 || refused === 0) return { findings, evidence: [] }
  return {
    findings,
    evidence: [
      { item: 2, text: `${refused} refusals show no stack, no path, no query and no address` },
      ...(secrets.length > 0
        ? [
            {
              item: 4 as const,
              text: `none of ${heard.length} replies holds one of the ${secrets.length} secrets it was given`,
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

/** `../../tmp/a` comes back as `/tmp/a`. */
function isEcho(path: string, { sent }: Heard): boolean {
  const [begin = ''] = path.split(/\p{Cc}/u)
  return begin.length > 8 && sent.includes(begin.slice(1))
}

/** Folders that it names where all goes well: a server of files tells which ones it is for. */
function foldersTold(heard: readonly Heard[]): string[] {
  const replies = heard.filter(({ outcome, text }) => outcome === 'done' && !soundsRefused(text))
  const folders = replies.flatMap(each => pathsIn(withoutEcho(each))).map(path => path.replace(/\/+$/, ''))
  return [...new Set(folders)].filter(folder => folder.split('/').length > 2).slice(0, MAX_PATHS)
}

/** Well-formed ids of nothing get furthest before they are refused: to the backend, or to the file system. */
async function askForStrangers(probing: Probing): Promise<void> {
  for (const { tool, args } of await baselinesOf(probing))
    for (const [field, value] of Object.entries(args)) {
      if (typeof value !== 'string' || !LEADS_SOMEWHERE.test(field) || probing.isLate()) continue
      const others = ['9', 'x', '99'].flatMap(end => [value + end, value.slice(0, -1) + end, end + value])
      const unknown = others
        .map(other => ({ ...args, [field]: other }))
        .find(each => each[field] !== value && breachOf(each, tool.inputSchema) === undefined)
      if (unknown) await attempt(probing, tool.name, unknown)
    }
}

/** What the server was told itself is nothing that it gives away. */
function withoutEcho({ text, sent }: Heard): string {
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
