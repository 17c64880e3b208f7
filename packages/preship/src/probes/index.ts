import { argumentsProbe } from './arguments.ts'
import { confirmationProbe } from './confirmation.ts'
import { leaksProbe } from './leaks.ts'
import { placesProbe } from './places.ts'
import type { Probe, RemoteProbe } from './probe.ts'
import { protocolProbe } from './protocol.ts'
import { addressProbe } from './remote-address.ts'
import { doorProbe } from './remote-door.ts'
import { tokensProbe } from './remote-tokens.ts'
import { resultsProbe } from './results.ts'

/** Probes of any server; the last two look at what the others brought. */
export const PROBES: readonly Probe[] = [
  argumentsProbe,
  placesProbe,
  confirmationProbe,
  protocolProbe,
  leaksProbe,
  resultsProbe,
]

/** Probes of a remote one. */
export const REMOTE_PROBES: readonly RemoteProbe[] = [doorProbe, tokensProbe, addressProbe]
