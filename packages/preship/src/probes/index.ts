import { argumentsProbe } from './arguments.ts'
import { confirmationProbe } from './confirmation.ts'
import { injectionProbe } from './injection.ts'
import { leaksProbe } from './leaks.ts'
import type { Probe, RemoteProbe } from './probe.ts'
import { protocolProbe } from './protocol.ts'
import { admissionProbe } from './remote-admission.ts'
import { authorizationProbe } from './remote-authorization.ts'
import { tokensProbe } from './remote-tokens.ts'
import { resultsProbe } from './results.ts'

/** A probe, and the question that cannot be answered if the probe does not finish. */
interface Entry<P> {
  readonly item: 2 | 6 | 8
  readonly probe: P
}

/** Probes for every server. The last two examine the replies to the others. */
export const PROBES: readonly Entry<Probe>[] = [
  { item: 2, probe: argumentsProbe },
  { item: 2, probe: injectionProbe },
  { item: 6, probe: confirmationProbe },
  { item: 2, probe: protocolProbe },
  { item: 2, probe: leaksProbe },
  { item: 2, probe: resultsProbe },
]

/** Probes for remote servers. */
export const REMOTE_PROBES: readonly Entry<RemoteProbe>[] = [
  { item: 8, probe: authorizationProbe },
  { item: 8, probe: tokensProbe },
  { item: 8, probe: admissionProbe },
]
