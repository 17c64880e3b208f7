import type { RemoteServer } from '../src/remote/remote-server.ts'
import { PUBLIC_URL } from '../src/remote/remote-world.ts'
import { TokenIssuer } from '../src/remote/token-issuer.ts'
import { latency, type MakeCall, type Servers, throughput } from './measures.ts'
import { pairedRow, type Row } from './report.ts'
import { type Paired, pair } from './statistics.ts'
import { openRemote, type Pair } from './subjects.ts'

const CONCURRENT = 32
const AT_MOST_1_3 = { text: '≤ 1.3 × bare', met: (_: number, ratio: number) => ratio <= 1.3 }

/** The number of calls and rounds. */
interface Sizes {
  readonly warmUp: number
  readonly latency: { rounds: number; calls: number }
  readonly load: { rounds: number; calls: number }
}

/**
 * Measures HTTP with protocol 2026-07-28. Our server verifies an access token with each request; the bare one does not.
 */
export async function measureHttp(
  crm: Pair,
  customerIds: readonly string[],
  sizes: Sizes,
  progress: (text: string) => void,
): Promise<Row[]> {
  progress('over HTTP: warming up')
  const issuer = new TokenIssuer()
  await issuer.open()
  const exp = Math.floor(Date.now() / 1000) + 6 * 3600
  const token = await issuer.token(PUBLIC_URL, 'crm:read', { claims: { exp } })
  const servers: Servers<RemoteServer> = {
    ours: await openRemote(crm.ours, issuer.url),
    bare: await openRemote(crm.bare),
  }
  let next = 0
  const read: MakeCall<RemoteServer> = server => {
    next += 1
    return callOrFail(server, token, customerIds[next % customerIds.length] ?? '')
  }
  for (const server of [servers.ours, servers.bare]) for (let i = 0; i < sizes.warmUp; i += 1) await read(server)

  progress('over HTTP: getCustomer, one call at a time')
  const { ours, bare } = await latency({ ...servers }, read, sizes.latency)
  progress(`over HTTP: getCustomer, ${CONCURRENT} concurrent calls`)
  const perSecond = await throughput(servers, read, { ...sizes.load, concurrent: CONCURRENT })
  await Promise.all([servers.ours.kill('SIGTERM'), servers.bare.kill('SIGTERM')])
  await issuer.close()
  return [
    pairedRow('HTTP, getCustomer, p50', pair(ours, bare, 'p50'), 'ms', 2, AT_MOST_1_3),
    pairedRow('HTTP, getCustomer, p95', pair(ours, bare, 'p95'), 'ms', 2, AT_MOST_1_3),
    pairedRow('HTTP, getCustomer, server CPU per call', pair(ours, bare, 'cpuMs'), 'ms', 2),
    pairedRow(`HTTP, getCustomer, mean with ${CONCURRENT} concurrent calls`, meanOf(perSecond), 'ms', 2, AT_MOST_1_3),
  ]
}

/** Converts calls per second to the mean duration of a call (Little's law). */
function meanOf({ ours, bare }: Paired): Paired {
  const mean = (perSecond: number): number => (CONCURRENT * 1000) / perSecond
  return { ours: ours.map(mean), bare: bare.map(mean) }
}

async function callOrFail(server: RemoteServer, token: string, customerId: string): Promise<void> {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { name: 'getCustomer', arguments: { customerId }, _meta: envelope }
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 'getCustomer',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
  const { result } = (await response.json()) as { result?: { isError?: boolean; structuredContent?: unknown } }
  if (!result || result.isError || !result.structuredContent) throw new Error(`getCustomer failed: ${response.status}`)
}
