import { randomUUID } from 'node:crypto'
import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import type { RemoteEndpoint } from './probe.ts'
import { handshake, isAnswered, isLoopback, type RawReply, send } from './remote-request.ts'

export const ADMISSION_KINDS = {
  HOST_NOT_CHECKED: {
    item: 8,
    severity: 'error',
    title: 'Local server does not check the Host header',
    why: 'A web page can point its own domain name at this machine and send requests to the server (DNS rebinding).',
    narrow: 'Compare Host with a list of the server’s own names.',
  },
  HOST_NOT_CHECKED_REMOTE: {
    item: 8,
    severity: 'note',
    title: 'Server does not check the Host header',
    why: 'This is harmless behind a proxy that checks it. Without one, a web page can reach the server under its own domain name (DNS rebinding).',
    narrow: 'Compare Host with a list of the server’s own names.',
  },
  ORIGIN_NOT_CHECKED: {
    item: 8,
    severity: 'error',
    title: 'Server does not check the Origin header',
    why: 'A web page that a user visits can call the server from their browser.',
    narrow: 'Refuse requests whose Origin is not on an allowlist.',
  },
  SESSION_FROM_NOBODY: {
    item: 8,
    severity: 'error',
    title: 'Made-up session id is accepted',
    why: 'An attacker can choose a session id in advance and share the victim’s session (session fixation).',
    narrow: 'Answer 404 to session ids that the server did not issue to this caller.',
  },
  SESSION_AS_CREDENTIAL: {
    item: 8,
    severity: 'error',
    title: 'Session id is accepted in place of a token',
    why: 'Session ids appear in logs and proxies. Anyone who finds one can use the session (session hijacking).',
    narrow: 'Check the token of every request, and check that the session belongs to its subject.',
  },
} as const satisfies Record<string, Kind>

/** Sends requests with foreign Host and Origin headers, and with session ids that were not issued to the caller. */
export async function admissionProbe(endpoint: RemoteEndpoint): Promise<Result> {
  const { url, token } = endpoint
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  const own: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const baseline = (await handshake(endpoint, own)).reply
  const isLike = ({ status }: RawReply): boolean => status === baseline.status || (status >= 200 && status < 300)
  const host = (await handshake(endpoint, { ...own, Host: 'preship.invalid' })).reply
  if (isLike(host)) {
    const code = isLoopback(url.hostname) ? 'HOST_NOT_CHECKED' : 'HOST_NOT_CHECKED_REMOTE'
    findings.push({ code, message: 'a request with Host: preship.invalid was answered like any other' })
  } else evidence.push({ item: 8, text: `Host: preship.invalid is refused with HTTP ${host.status}` })
  const origin = (await handshake(endpoint, { ...own, Origin: 'https://preship.invalid' })).reply
  if (isLike(origin))
    findings.push({
      code: 'ORIGIN_NOT_CHECKED',
      message: 'a request with Origin: https://preship.invalid was answered',
    })
  else evidence.push({ item: 8, text: `Origin: https://preship.invalid is refused with HTTP ${origin.status}` })
  const session = baseline.headers['mcp-session-id']
  // Without sessions, there is nothing to test.
  if (!isAnswered(baseline) || typeof session !== 'string') return { findings, evidence }
  if (isAnswered(await list(endpoint, { ...own, 'Mcp-Session-Id': randomUUID() })))
    findings.push({ code: 'SESSION_FROM_NOBODY', message: 'a made-up Mcp-Session-Id was accepted' })
  if (token !== undefined && isAnswered(await list(endpoint, { 'Mcp-Session-Id': session })))
    findings.push({
      code: 'SESSION_AS_CREDENTIAL',
      message: 'a request with a valid session id but without a token was answered',
    })
  await send(url, { method: 'DELETE', headers: { ...own, 'Mcp-Session-Id': session }, timeoutMs: endpoint.timeoutMs })
  evidence.push({ item: 8, text: 'a made-up session id is refused, and so is a valid one without its token' })
  return { findings, evidence }
}

async function list({ url, timeoutMs }: RemoteEndpoint, headers: Record<string, string>): Promise<RawReply> {
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
