import { hostname, userInfo } from 'node:os'
import { isJSONRPCNotification, isJSONRPCRequest, isJSONRPCResponse } from '@modelcontextprotocol/server'
import { serveStdio as serveSdkStdio } from '@modelcontextprotocol/server/stdio'
import type { Logger } from 'pino'
import { createServerFactory, openLedger, type ServerOptions } from '#call/registration'
import { auditTransport, type Caller } from '#guardrails/audit'
import { createStdioTransport } from './transport.ts'

/**
 * How long calls in flight may take to end once they are aborted: half a second. Together with the transport's drain
 * this stays below two seconds, after which the SDK's client sends SIGTERM: every outcome is on record by then.
 */
const GRACE_MS = 500

/** Serves one client over standard input and output until its input ends or a signal comes, then exits. */
export function serveStdio<Ports>(options: ServerOptions<Ports>, log: Logger): void {
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
  const connection = serveSdkStdio(factory(ledger), { transport, onerror: onProtocolFault })

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

/** The user who runs this process: a local client and its server share one. */
function localCaller(): Caller {
  const uid = process.getuid?.() ?? 'user'
  try {
    return { kind: 'os', id: `${uid}:${userInfo().username}`, host: hostname() }
  } catch {
    // The user of a container may have no name.
    return { kind: 'os', id: String(uid), host: hostname() }
  }
}
