import { truncate } from '../sanitize.ts'
import { objectOf } from '../surface.ts'
import type { Message } from '../wire/wire.ts'

const MAX = 20_000

/** All text of a reply: content blocks, structured content, and error messages with their data. */
export function textOf({ result, error }: Message): string {
  const { content, structuredContent } = objectOf(result)
  const blocks = Array.isArray(content) ? (content as unknown[]).slice(0, 50) : []
  const texts = blocks.map(block => objectOf(block).text).filter(text => typeof text === 'string')
  const { message, data } = objectOf(error)
  if (typeof message === 'string') texts.push(message)
  for (const rest of [data, structuredContent])
    if (rest !== undefined) texts.push(typeof rest === 'string' ? rest : JSON.stringify(rest))
  return truncate(texts.map(text => truncate(text, MAX)).join('\n'), MAX)
}

const SOUNDS_REFUSED =
  /^[^\p{L}]*(?:mcp )?(?:input )?(?:error|invalid|failed|failure|validation|bad request|missing|unknown|unauthori[sz]ed|forbidden|denied|exception|traceback|not[ _](?:found|allowed|permitted))(?!\p{L})/iu

/** A backend error that is passed on as data. A record whose status is “failed” is not an error. */
const SAYS_REFUSED =
  /^\s*\{(?:\s*"(?:status|statusCode)"\s*:\s*[45]\d\d\b|\s*"(?:success|ok)"\s*:\s*false\b|[^{}]{0,100}"object"\s*:\s*"error")/i

/** Whether a text reads like an error, regardless of isError. */
export function soundsRefused(text: string): boolean {
  const beginning = text.slice(0, 200)
  return SOUNDS_REFUSED.test(beginning) || SAYS_REFUSED.test(beginning)
}

/** Some servers report a declined confirmation as a normal result. */
const SAYS_DECLINED =
  /\b(?:user|person|human|you|confirmation|elicitation|request|operation|action)\b[^.\n]{0,40}\b(?:declined|cancell?ed|rejected|aborted|refused|not (?:confirmed|approved|given|carried out))\b/i

/** Whether a text says that the user declined. Structured data does not count, because it can contain any word. */
export function saysDeclined(text: string): boolean {
  return !/^\s*[[{]/.test(text) && SAYS_DECLINED.test(text.slice(0, 200))
}
