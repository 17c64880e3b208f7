import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** The networks that are not public (IANA special-purpose address registry), without loopback. */
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
// Within the public 2000::/3: addresses that embed an IPv4 address, and addresses for documentation.
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

/** The addresses to which a request may be sent whose URL is not trusted. */
export type Reach = 'loopback' | 'loopback or public'

/** Whether connections to an IP address are allowed. Host names are never allowed. */
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
 * Returns a `lookup` for `http.request` that resolves a name to allowed addresses only. The connection goes to these
 * addresses, so a name that resolves differently the next time has no effect.
 */
export function lookupWithin(reach: Reach): LookupFunction {
  return (hostname: string, options: LookupOptions, done: Parameters<LookupFunction>[2]) => {
    systemLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const allowed = error ? [] : found.filter(({ address }) => mayReach(address, reach))
      const [first] = allowed
      if (first === undefined) done(error ?? new Error('the host has no allowed address'), '', 0)
      else if (options.all) done(null, allowed)
      else done(null, first.address, first.family)
    })
  }
}
