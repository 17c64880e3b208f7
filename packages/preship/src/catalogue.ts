import { AUDIT_KINDS } from './evidence/audit-file.ts'
import { MANIFEST_KINDS } from './evidence/manifest.ts'
import { SOURCE_KINDS } from './evidence/source-tree.ts'
import type { Kind } from './finding.ts'
import { LOCK_KINDS } from './lock/kinds.ts'
import { ARGUMENT_KINDS } from './probes/argument-kinds.ts'
import { CONFIRMATION_KINDS } from './probes/confirmation.ts'
import { INJECTION_KINDS } from './probes/injection.ts'
import { LEAK_KINDS } from './probes/leaks.ts'
import { PROTOCOL_KINDS } from './probes/protocol.ts'
import { ADMISSION_KINDS } from './probes/remote-admission.ts'
import { AUTHORIZATION_KINDS } from './probes/remote-authorization.ts'
import { TOKEN_KINDS } from './probes/remote-tokens.ts'
import { RESULT_KINDS } from './probes/results.ts'
import { RULE_KINDS } from './rules/index.ts'

/** Findings about the examination itself. */
const EXAMINATION_KINDS = {
  BROKE_OFF: {
    item: 2,
    severity: 'error',
    title: 'Server stopped responding during a probe',
    why: 'One malformed or hostile message can crash or block the server for every client that shares it (denial of service).',
    narrow:
      'Answer every message with a result or an error within a deadline, and catch errors per request so that none ends the process.',
  },
  TOO_SLOW: {
    item: 2,
    severity: 'warning',
    title: 'Examination reached its time limit',
    why: 'The remaining probes did not run, so their results are unknown.',
    narrow: 'Run it again with a larger --timeout, or find out why the server responds slowly.',
  },
} as const satisfies Record<string, Kind>

/** Every kind of finding, by its code. `preship explain CODE` shows one. */
export const CATALOGUE: Readonly<Record<string, Kind>> = {
  ...EXAMINATION_KINDS,
  ...RULE_KINDS,
  ...ARGUMENT_KINDS,
  ...INJECTION_KINDS,
  ...CONFIRMATION_KINDS,
  ...PROTOCOL_KINDS,
  ...LEAK_KINDS,
  ...RESULT_KINDS,
  ...AUTHORIZATION_KINDS,
  ...TOKEN_KINDS,
  ...ADMISSION_KINDS,
  ...AUDIT_KINDS,
  ...SOURCE_KINDS,
  ...MANIFEST_KINDS,
  ...LOCK_KINDS,
}

/**
 * Looks up the kind of a finding.
 * @throws if the code is unknown
 */
export function kindOf(code: string): Kind {
  const kind = Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code] : undefined
  if (!kind) throw new Error(`unknown finding code: ${code}`)
  return kind
}
