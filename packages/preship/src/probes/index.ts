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

/** A probe, and the question that stays open where it could not be carried through. */
interface Entry<P> {
  readonly item: 2 | 6 | 8
  readonly probe: P
}

/** Probes of any server; the last two look at what the others brought. */
export const PROBES: readonly Entry<Probe>[] = [
  { item: 2, probe: argumentsProbe },
  { item: 2, probe: placesProbe },
  { item: 6, probe: confirmationProbe },
  { item: 2, probe: protocolProbe },
  { item: 2, probe: leaksProbe },
  { item: 2, probe: resultsProbe },
]

/** Probes of a remote one. */
export const REMOTE_PROBES: readonly Entry<RemoteProbe>[] = [
  { item: 8, probe: doorProbe },
  { item: 8, probe: tokensProbe },
  { item: 8, probe: addressProbe },
]
