import { randomUUID } from 'node:crypto'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import type { Door } from './probe.ts'
import { isLetIn, isLoopback, knock, type RawReply, send } from './remote-request.ts'

export const ADDRESS_KINDS = {
  HOST_NOT_CHECKED: {
    item: 8,
    severity: 'error',
    title: 'a server on this machine answers to any name',
    why: 'A web page can let its own name point to this machine (DNS rebinding), and speak to the server as if it were its own.',
    narrow: 'Compare Host with a list of the server’s own names.',
  },
  HOST_NOT_CHECKED_REMOTE: {
    item: 8,
    severity: 'note',
    title: 'the server answers to any name',
    why: 'Behind a proxy that knows its names this is harmless; without one, pages can reach it by a name of theirs.',
    narrow: 'Compare Host with a list of the server’s own names.',
  },
  ORIGIN_NOT_CHECKED: {
    item: 8,
    severity: 'error',
    title: 'requests from any web page are let through',
    why: 'A page that somebody visits can call the server from their browser.',
    narrow: 'Refuse an Origin that is not on a list of those that may call.',
  },
  SESSION_FROM_NOBODY: {
    item: 8,
    severity: 'error',
    title: 'a session that was made up is accepted',
    why: 'Whoever chooses the id of somebody’s session beforehand shares it (session fixation).',
    narrow: 'Answer 404 to session ids that this server did not give out to this caller.',
  },
  SESSION_AS_CREDENTIAL: {
    item: 8,
    severity: 'error',
    title: 'a session id is enough to be let in',
    why: 'Ids of sessions stand in logs and proxies; whoever finds one is its owner.',
    narrow: 'Check the token of every request, and that the session is its owner’s.',
  },
} as const satisfies Record<string, Kind>

/** Speaks to a remote server under other names, and with sessions that are nobody’s. */
export async function addressProbe(door: Door): Promise<Result> {
  const { url, token } = door
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const own: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const usual = (await knock(door, own)).reply
  const isLike = ({ status }: RawReply): boolean => status === usual.status || (status >= 200 && status < 300)
  const host = (await knock(door, { ...own, Host: 'preship.invalid' })).reply
  if (isLike(host)) {
    const code = isLoopback(url.hostname) ? 'HOST_NOT_CHECKED' : 'HOST_NOT_CHECKED_REMOTE'
    findings.push({ code, message: 'a request for preship.invalid was answered like any other' })
  } else evidence.push({ item: 8, text: `Host: preship.invalid is refused with HTTP ${host.status}` })
  const origin = (await knock(door, { ...own, Origin: 'https://preship.invalid' })).reply
  if (isLike(origin))
    findings.push({
      code: 'ORIGIN_NOT_CHECKED',
      message: 'a request of a page at https://preship.invalid was answered',
    })
  else evidence.push({ item: 8, text: `Origin: https://preship.invalid is refused with HTTP ${origin.status}` })
  const session = usual.headers['mcp-session-id']
  // A server that gives out no sessions has none to steal.
  if (!isLetIn(usual) || typeof session !== 'string') return { findings, evidence }
  if (isLetIn(await list(door, { ...own, 'Mcp-Session-Id': randomUUID() })))
    findings.push({ code: 'SESSION_FROM_NOBODY', message: 'a made-up Mcp-Session-Id was taken' })
  if (token !== undefined && isLetIn(await list(door, { 'Mcp-Session-Id': session })))
    findings.push({ code: 'SESSION_AS_CREDENTIAL', message: 'a session of ours was used without a token' })
  await send(url, { method: 'DELETE', headers: { ...own, 'Mcp-Session-Id': session }, timeoutMs: door.timeoutMs })
  evidence.push({ item: 8, text: 'sessions were tried: made-up ones, and one without its token' })
  return { findings, evidence }
}

async function list({ url, timeoutMs }: Door, headers: Record<string, string>): Promise<RawReply> {
  return await send(url, {
    method: 'POST',
    timeoutMs,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2025-11-25',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} }),
  })
}
