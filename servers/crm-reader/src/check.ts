// Copied on purpose: a fault here must stay here.
import { randomUUID } from 'node:crypto'
import type { AuditLog } from '@narrow-deputies/guardrails/audit'
import type { BackendCall } from './backend.ts'
import { CodedError } from './errors.ts'

export interface CheckOptions {
  readonly audit: AuditLog
  /** Where the audit key is kept, if none was given. */
  readonly auditKeyFile: string | undefined
  readonly apiUrl: URL
  /** The scopes that this server needs, and no more. */
  readonly neededScopes: readonly string[]
  whoami(call: BackendCall): Promise<{ name: string; scopes: string[] }>
  /** More lines, of the server's own: what holds, and whether that is well. */
  readonly more?: readonly (readonly [ok: boolean, line: string])[]
}

/** Says on standard output what works, a line each. Resolves to whether all does. */
export async function check(options: CheckOptions): Promise<boolean> {
  const lines = [
    [true, 'the configuration is complete'],
    ...checkAudit(options),
    ...(await checkBackend(options)),
    ...(options.more ?? []),
  ] as const
  for (const [ok, line] of lines) process.stdout.write(`${ok ? 'ok     ' : 'FAILED '} ${line}\n`)
  return lines.every(([ok]) => ok)
}

type Line = readonly [ok: boolean, line: string]

function checkAudit({ audit, auditKeyFile }: CheckOptions): Line[] {
  const key = auditKeyFile ? `the key kept in ${auditKeyFile}` : 'the key given'
  try {
    // Opening it wrote `start`; if that failed, it is still to be written.
    audit.flush()
    return [
      [true, `the audit log can be written: ${audit.path}, under ${key} (${audit.kid}), its head in ${audit.headPath}`],
    ]
  } catch (error) {
    return [[false, `the audit log cannot be written: ${audit.path}: ${((error as Error).cause as Error).message}`]]
  }
}

/** What a request that no client asked for shows to the backend. @param why names it there */
export function probe(why: string): BackendCall {
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
      [true, `the backend answers: ${apiUrl.href} knows this server as “${name}”`],
      missing.length > 0
        ? [false, `its key lacks: ${missing.join(', ')}`]
        : [true, `its key may do what is needed: ${neededScopes.join(', ')}`],
      ...(surplus.length > 0
        ? [[false, `its key may do more than is needed, and should not: ${surplus.join(', ')}`] as const]
        : []),
    ]
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return [[false, `the backend does not answer as it should: ${apiUrl.href}: ${error.message}`]]
  }
}
