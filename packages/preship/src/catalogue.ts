import { AUDIT_KINDS } from './evidence/audit-file.ts'
import { MANIFEST_KINDS } from './evidence/manifest.ts'
import { SOURCE_KINDS } from './evidence/source-tree.ts'
import type { Kind } from './finding.ts'
import { LOCK_KINDS } from './lock/kinds.ts'
import { ARGUMENT_KINDS } from './probes/argument-kinds.ts'
import { CONFIRMATION_KINDS } from './probes/confirmation.ts'
import { LEAK_KINDS } from './probes/leaks.ts'
import { PLACE_KINDS } from './probes/places.ts'
import { PROTOCOL_KINDS } from './probes/protocol.ts'
import { ADDRESS_KINDS } from './probes/remote-address.ts'
import { DOOR_KINDS } from './probes/remote-door.ts'
import { TOKEN_KINDS } from './probes/remote-tokens.ts'
import { RESULT_KINDS } from './probes/results.ts'
import { RULE_KINDS } from './rules/index.ts'

/** What can be said of the examination itself. */
const EXAMINATION_KINDS = {
  BROKE_OFF: {
    item: 2,
    severity: 'error',
    title: 'the server did not survive a probe, or did not answer it',
    why: 'One malformed or hostile message from one client ends or stalls the server for everybody behind it.',
    narrow: 'Answer every message with a result or an error within a deadline, and never let one end the process.',
  },
  TOO_SLOW: {
    item: 2,
    severity: 'warning',
    title: 'the time was up before everything was tried',
    why: 'What was not tried is not known.',
    narrow: 'Run it again with --timeout, or find out why the server answers so slowly.',
  },
} as const satisfies Record<string, Kind>

/** Every kind of finding, by its code. `preship explain CODE` shows one. */
export const CATALOGUE: Readonly<Record<string, Kind>> = {
  ...EXAMINATION_KINDS,
  ...RULE_KINDS,
  ...ARGUMENT_KINDS,
  ...PLACE_KINDS,
  ...CONFIRMATION_KINDS,
  ...PROTOCOL_KINDS,
  ...LEAK_KINDS,
  ...RESULT_KINDS,
  ...DOOR_KINDS,
  ...TOKEN_KINDS,
  ...ADDRESS_KINDS,
  ...AUDIT_KINDS,
  ...SOURCE_KINDS,
  ...MANIFEST_KINDS,
  ...LOCK_KINDS,
}

/** What is known of a finding. @throws if its code is nobody's */
export function kindOf(code: string): Kind {
  const kind = Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code] : undefined
  if (!kind) throw new Error(`no such kind of finding: ${code}`)
  return kind
}
