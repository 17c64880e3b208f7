import { randomUUID } from 'node:crypto'
import { type CallContext, CodedError, plainLine } from '#call'
import type { AuditLog } from '#guardrails/audit'

/** Who the backend takes this server for, and what that one may do. */
export interface Identity {
  readonly name: string
  readonly scopes: readonly string[]
}

export interface CheckOptions {
  readonly audit: AuditLog
  /** Where the audit key is kept, if none was given. */
  readonly auditKeyFile: string | undefined
  readonly apiUrl: URL
  /** The scopes that this server needs, and no more. */
  readonly neededScopes: readonly string[]
  whoami(call: CallContext): Promise<Identity>
}

/** Reports on standard output what works, a line each. Resolves to whether everything does. */
export async function check(options: CheckOptions): Promise<boolean> {
  const lines: Line[] = [
    [true, 'the configuration is complete'],
    ...checkAudit(options),
    ...(await checkBackend(options)),
  ]
  for (const [ok, line] of lines) process.stdout.write(`${ok ? 'ok     ' : 'FAILED '} ${line}\n`)
  return lines.every(([ok]) => ok)
}

type Line = readonly [ok: boolean, line: string]

function checkAudit({ audit, auditKeyFile }: CheckOptions): Line[] {
  const key = auditKeyFile ? `the key kept in ${auditKeyFile}` : 'the key given'
  try {
    // Opening the log wrote `start`. If that failed, it is still to be written.
    audit.flush()
    return [
      [true, `the audit log can be written: ${audit.path}, under ${key} (${audit.kid}), its head in ${audit.headPath}`],
    ]
  } catch (error) {
    return [[false, `the audit log cannot be written: ${audit.path}: ${((error as Error).cause as Error).message}`]]
  }
}

/** The context of a request that no client asked for. @param why names the request to the backend */
export function probe(why: string): CallContext {
  const callId = randomUUID()
  const trace = callId.replaceAll('-', '')
  return {
    signal: new AbortController().signal,
    callId,
    callerId: why,
    traceparent: `00-${trace}-${trace.slice(0, 16)}-01`,
  }
}

async function checkBackend({ apiUrl, neededScopes, whoami }: CheckOptions): Promise<Line[]> {
  try {
    const { name, scopes } = await whoami(probe('check'))
    const missing = neededScopes.filter(scope => !scopes.includes(scope))
    const surplus = scopes.filter(scope => !neededScopes.includes(scope))
    return [
      // What the backend says could look like a line of this report, or control the terminal.
      [true, `the backend answers: ${apiUrl.href} knows this server as “${plainLine(name, 200)}”`],
      missing.length > 0
        ? [false, `its key lacks: ${missing.join(', ')}`]
        : [true, `its key may do what is needed: ${neededScopes.join(', ')}`],
      ...(surplus.length > 0
        ? [
            [
              false,
              `its key may do more than is needed, and should not: ${plainLine(surplus.join(', '), 1000)}`,
            ] as const,
          ]
        : []),
    ]
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return [[false, `the backend does not answer as it should: ${apiUrl.href}: ${error.message}`]]
  }
}
