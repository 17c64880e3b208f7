import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Backend, startBackend } from './backend.ts'
import {
  type ClientEntry,
  clientEntries,
  remoteEntries,
  SERVERS,
  type ServerName,
  serverKeys,
} from './client-entries.ts'
import { DRAFTS } from './drafts.ts'
import { freePorts } from './free-ports.ts'
import { type IdentityProvider, startIdentityProvider } from './identity/provider.ts'
import { type RemoteServer, resourceOf, startRemoteServer } from './remote-servers.ts'

export interface StackOptions {
  /** The folder for records, keys, drafts, registered clients and audit files. */
  readonly state: string
  /** The port of the backend. The other services use the next four ports. 0, the default, selects free ports. */
  readonly port?: number
  /** Receives what the servers write to stderr. */
  readonly onLog?: (text: string) => void
}

/** A running backend, identity provider and three servers for remote clients. */
export interface Stack {
  readonly backend: Backend
  readonly identity: IdentityProvider
  readonly servers: readonly RemoteServer[]
  readonly drafts: string
  /** How a local client starts its own process of each server. */
  readonly entries: Record<ServerName, ClientEntry>
  /** Stops the servers first, because their open calls still need the backend. */
  close(): Promise<void>
}

/** Starts the backend, the identity provider and the servers on 127.0.0.1. If it throws, nothing is left running. */
export async function startStack({ state, port = 0, onLog }: StackOptions): Promise<Stack> {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const drafts = join(state, 'drafts')
  if (!existsSync(drafts)) {
    mkdirSync(drafts, { mode: 0o755 })
    cpSync(DRAFTS, drafts, { recursive: true })
  }
  const [identityPort, ...serverPorts] = port === 0 ? await freePorts(4) : [1, 2, 3, 4].map(step => port + step)
  const urls = SERVERS.map((name, index) => [name, `http://127.0.0.1:${serverPorts[index]}/mcp`] as const)

  const running: { close(): Promise<unknown> }[] = []
  const close = async (): Promise<void> => {
    for (const part of running.splice(0).reverse()) await part.close()
  }
  try {
    const backend = await startBackend({ port, database: join(state, 'backend.sqlite'), keys: serverKeys(state) })
    running.push(backend)
    const resources = urls.map(([name, url]) => resourceOf(name, url))
    const identity = await startIdentityProvider({ resources, state, ...(identityPort && { port: identityPort }) })
    running.push(identity)
    const remote = remoteEntries(backend, state, drafts)
    const starting = urls.map(([name, url]) => startRemoteServer(name, url, identity.issuer, remote[name], onLog))
    const started = await Promise.allSettled(starting)
    const servers = started.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    running.push({ close: () => Promise.all(servers.map(server => server.stop())) })
    for (const result of started) if (result.status === 'rejected') throw result.reason
    return { backend, identity, servers, drafts, entries: clientEntries(backend, state, drafts), close }
  } catch (error) {
    await close()
    throw error
  }
}
