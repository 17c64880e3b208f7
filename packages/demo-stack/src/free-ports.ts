import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Finds different TCP ports that are free on 127.0.0.1 now. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    probes.map(async probe => {
      await once(probe.listen(0, '127.0.0.1'), 'listening')
      return (probe.address() as AddressInfo).port
    }),
  )
  await Promise.all(probes.map(probe => new Promise(resolve => probe.close(resolve))))
  return ports
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}
