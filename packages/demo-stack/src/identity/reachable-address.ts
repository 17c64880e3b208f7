import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** The IPv4 networks that are nobody's public address (IANA's special-purpose registry), loopback apart. */
const SPECIAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  SPECIAL.addSubnet(network, prefix, 'ipv4')
}
// Inside the public 2000::/3: addresses that carry an IPv4 address with them, and documentation.
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  SPECIAL.addSubnet(network, prefix, 'ipv6')
}
const GLOBAL_IPV6 = new BlockList()
GLOBAL_IPV6.addSubnet('2000::', 3, 'ipv6')

/** Where a request that somebody else's URL caused may go. */
export type Reach = 'loopback' | 'loopback or public'

/** Whether an IP address may be connected to. Names are no addresses: the answer for them is no. */
export function mayReach(address: string, reach: Reach): boolean {
  const version = isIP(address)
  if (version === 0) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (LOOPBACK.check(address, family)) return true
  if (reach === 'loopback') return false
  if (version === 6 && !GLOBAL_IPV6.check(address, family)) return false
  return !SPECIAL.check(address, family)
}

/**
 * Resolves a name to addresses that may be reached, for `http.request`. The connection goes to just these, so a name
 * that resolves otherwise the next moment gains nothing.
 */
export function lookupWithin(reach: Reach): LookupFunction {
  return (hostname: string, options: LookupOptions, done: Parameters<LookupFunction>[2]) => {
    systemLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const allowed = error ? [] : found.filter(({ address }) => mayReach(address, reach))
      const [first] = allowed
      if (first === undefined) done(error ?? new Error('not an address that may be reached'), '', 0)
      else if (options.all) done(null, allowed)
      else done(null, first.address, first.family)
    })
  }
}
