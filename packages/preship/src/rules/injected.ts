import type { Kind } from '../finding.ts'
import { ofEachText, quoted, type Rule } from './rule.ts'

export const KINDS = {
  INJECTED_INSTRUCTIONS: {
    item: 1,
    severity: 'error',
    title: 'Text contains a prompt injection',
    why: 'Tool descriptions are part of every conversation. A model may follow the instructions in them and misuse the tools of other servers (tool poisoning).',
    narrow: 'Describe only what the tool does and which arguments it takes. Remove instructions about anything else.',
  },
  PREFERS_ITSELF: {
    item: 1,
    severity: 'warning',
    title: 'Tool tells the model to prefer it over other tools',
    why: 'The model then calls it where another tool, or no tool, was intended.',
    narrow: 'Say when the tool is suitable, and leave the choice to the model and its user.',
  },
  NAMES_FOREIGN_TOOL: {
    item: 1,
    severity: 'warning',
    title: 'Tool mentions a tool of another server',
    why: 'A server cannot know what else is installed. Such a reference can change how the model uses the other tool (cross-server tool poisoning).',
    narrow: 'Describe this tool only, and remove references to other servers.',
  },
} as const satisfies Record<string, Kind>

/**
 * Patterns for instructions that no honest description contains. Repetitions are bounded, because the text is hostile
 * (ReDoS).
 */
const ORDERS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /\b(?:ignore|disregard|forget|override)\b.{0,20}\b(?:previous|prior|above|earlier|preceding|other|all|your)\b.{0,20}\b(?:instruction|prompt|rule|message|direction|guideline)/,
    'it overrides earlier instructions',
  ],
  [
    /ignorier\w* .{0,20}(?:vorherig|bisherig|obig)\w* .{0,10}anweisung|ignore[rz]? .{0,15}instructions pr[eé]c[eé]dentes|ignor[ae] .{0,15}instrucciones|忽略.{0,6}(?:之前|以上|先前|所有)/,
    'it overrides earlier instructions',
  ],
  [
    /\b(?:do not|don.?t|never|must not|should not|avoid)\s+(?:ever )?(?:tell|mention|inform|reveal|notify|alert|disclose|telling|mentioning|informing|revealing|notifying)\b.{0,60}\b(?:user|human|person|anyone|anybody|them|customer)\b/,
    'it tells the model to hide something from the user',
  ],
  [
    /\bwithout (?:telling|informing|notifying|alerting|mentioning|the user.{0,3} (?:knowing|knowledge|noticing|consent))|\b(?:secretly|covertly|behind the user)\b|\bhide (?:this|it) from\b/,
    'it tells the model to hide something from the user',
  ],
  [
    /\b(?:do not|don.?t|never|no need to|without|needn.?t|not necessary to)\s+(?:ask|asking|request|requesting|wait|waiting|seek|seeking)\b.{0,30}\b(?:confirm|permission|approv|consent)/,
    'it tells the model not to ask for confirmation',
  ],
  [
    /\b(?:the )?user (?:has )?(?:already|previously) (?:approved|confirmed|consented|agreed|authori[sz]ed)/,
    'it claims that the user has already agreed',
  ],
  [
    /<\/?(?:important|system|secret|instructions?|admin|hidden|critical|assistant|developer)\s*>|\[\/?inst\]|<\|(?:im_start|im_end|system|endoftext|start_header_id)\|>|^\s*(?:###? ?)?system ?(?:prompt|message|override)?:|\bhuman:.{0,200}\bassistant:/m,
    'it imitates prompt markup',
  ],
  [
    /\b(?:you are now|from now on,? you|new instructions?:|act as (?:if you|an? (?:admin|unrestricted|root))|developer mode|jailbreak)/,
    'it gives the model another role',
  ],
  [
    /\b(?:before|after|when(?:ever)?|prior to|each time)\b.{0,20}\b(?:using|calling|invoking|running|you use|you call)\b.{0,12}\b(?:any|all|every|another|each)\b.{0,12}\btools?\b/,
    'it interferes with the use of other tools',
  ],
  [
    /\b(?:include|pass|send|provide|attach|append|copy|forward|put|insert|add|upload|output|repeat|share)\b.{0,40}\b(?:(?:conversation|chat|message) (?:history|log|transcript)|(?:entire|full|whole|complete|previous|prior) (?:conversation|chat|context|messages|prompt)|system prompt|system message|your (?:instructions|context window))/,
    'it asks for the conversation or the system prompt',
  ],
  [
    /(?<!\b(?:not|never|no|n.t|cannot|refuses? to) (?:\w+ ){0,2})\b(?:read|cat|open|load|include|get|fetch|find|collect|pass|send|upload|contents? of|look (?:at|in|into)|copy|access)\b.{0,60}(?:~\/\.\w|\.ssh\b|\bid_(?:rsa|ed25519)\b|\.aws\/|\/etc\/(?:passwd|shadow)|\bmcp\.json|\.cursor\/|claude_desktop_config|\.netrc|\.npmrc|\.kube\/config|\bprivate keys?\b|\bkeychain\b|\bbrowser cookies\b)/,
    'it asks the model to read secrets',
  ],
  [
    /\b(?:bcc|cc|redirect|forward|send|exfiltrate|leak)\b.{0,40}\b(?:all|every|each|any)\b.{0,30}\b(?:e-?mails?|messages?|payments?|data|results?|responses?|credentials|secrets|tokens)\b.{0,30}\bto\b.{0,30}(?:@|https?:)|\bexfiltrat/,
    'it forwards data to another address',
  ],
  [
    /!\[[^\]]{0,80}\]\(https?:\/\/[^)]{0,200}[?&][^)]{0,60}=/,
    'it contains an image URL that can carry data to its host',
  ],
]
const PREFERENCES =
  /\b(?:always|must|should) (?:be )?(?:use|call|run|invoke|prefer|used|called|run|invoked) (?:this|it)?\b.{0,30}\b(?:first|before (?:any|every|all|other|anything)|instead of|at the (?:start|beginning))|\b(?:supersedes?|takes? (?:precedence|priority) over|replaces?) (?:all|any|every|the|other)\b.{0,20}\btools?|\binstead of (?:any )?other\b.{0,20}\btools?|\bdo not use (?:any )?other\b.{0,20}\btools?|\bonly (?:tool )?(?:trusted|safe|official) tool|\bthis is the (?:best|only|most) .{0,30}tool/

const MAX_TEXT = 50_000

export const injected: Rule<keyof typeof KINDS> = ofEachText((surface, neighbours) => {
  const own = new Set(surface.tools.map(({ name }) => name.toLowerCase()))
  const foreign = new Map<string, string>()
  // A name of one word is also an ordinary word.
  for (const { server, tools } of neighbours)
    for (const { name } of tools)
      if (!own.has(name.toLowerCase()) && /[_-]|\p{Ll}\p{Lu}/u.test(name))
        foreign.set(name.toLowerCase(), `${quoted(name, 80)} of ${quoted(server, 60)}`)
  return (text, say, at) => {
    if (text.length < 8) return
    const read = normalized(text)
    const order = ORDERS.map(([pattern, what]) => ({ what, seen: pattern.exec(read)?.[0] })).find(({ seen }) => seen)
    if (order) say('INJECTED_INSTRUCTIONS', `${order.what}: ${quoted(order.seen)}`)
    const preference = PREFERENCES.exec(read)?.[0]
    if (preference !== undefined && !order) say('PREFERS_ITSELF', quoted(preference))
    if (foreign.size === 0 || at.where === 'name') return
    const named = read.match(/[a-z0-9_-]{6,64}/g)?.find(word => foreign.has(word))
    if (named !== undefined) say('NAMES_FOREIGN_TOOL', `it mentions ${foreign.get(named)}`)
  }
})

/**
 * Normalizes a text to what the model reads: removes invisible characters and markup, and unifies letters and spaces.
 */
function normalized(text: string): string {
  return (
    text
      .slice(0, MAX_TEXT)
      // Models read tag characters as the letters that they encode.
      .replace(/[\u{e0020}-\u{e007e}]/gu, letter => String.fromCodePoint((letter.codePointAt(0) ?? 0) - 0xe0000))
      .normalize('NFKC')
      .replace(/[\p{Cf}\p{Mn}]/gu, '')
      .replace(/[*_`#>]{2,}|(?<=\s)[*_`]|[*_`](?=\s)/g, '')
      .replace(/[’‘]/g, "'")
      .toLowerCase()
      .replace(/\s+/g, ' ')
  )
}
