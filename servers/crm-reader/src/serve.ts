// Copied on purpose: a fault here must stay here.
import { hostname, userInfo } from 'node:os'
import { isJSONRPCNotification, isJSONRPCRequest, isJSONRPCResponse } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { auditTransport, type Caller } from '@narrow-deputies/guardrails/audit'
import type { Logger } from 'pino'
import { createServerFactory, openLedger, type ServerOptions } from './server.ts'
import { createStdioTransport } from './stdio.ts'

/** How long calls in flight may take to end once the process is told to: two seconds. */
const GRACE_MS = 2_000

/** Serves one client over standard input and output, until it ends its input or a signal ends us; then exits. */
export function serve<Ports>(options: ServerOptions<Ports>, log: Logger): void {
  const { audit, tools, name, onProtocolFault } = options
  const factory = createServerFactory(options, () => undefined)
  const ledger = openLedger(options, localCaller())
  const stdio = createStdioTransport({
    input: process.stdin,
    output: process.stdout,
    accepts: message => isJSONRPCRequest(message) || isJSONRPCNotification(message) || isJSONRPCResponse(message),
    onFault: ledger.refuse,
  })
  const transport = auditTransport(stdio, ledger)
  const connection = serveStdio(factory(ledger), { transport, onerror: onProtocolFault })

  let stopping = false
  const stop = async (exitCode: number): Promise<void> => {
    if (stopping) return
    stopping = true
    await connection.close()
    await ledger.idle(GRACE_MS)
    ledger.abandon()
    audit.close()
    process.exit(exitCode)
  }
  const closed = transport.onclose
  transport.onclose = () => {
    closed?.()
    void stop(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'crash')
    void stop(1)
  })
  log.info({ tools: tools.map(tool => tool.name), audit: audit.path }, `${name} serves one client over stdio`)
}

/** Whoever runs this process: a local client and its server share one user. */
function localCaller(): Caller {
  const uid = process.getuid?.() ?? 'user'
  try {
    return { kind: 'os', id: `${uid}:${userInfo().username}`, host: hostname() }
  } catch {
    // A container's user need not have a name.
    return { kind: 'os', id: String(uid), host: hostname() }
  }
}
