import type { Probe } from './probe.ts'

/** Probes of any server. */
export const PROBES: readonly Probe[] = []

/** Probes of a remote one. */
export const REMOTE_PROBES: readonly Probe[] = []
