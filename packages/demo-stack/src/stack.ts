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
  /** A folder for all that is kept: records, keys, drafts, registered clients, audit files. */
  readonly state: string
  /** The backend's; the identity provider and the servers have the four after it. 0, the default: any free ones. */
  readonly port?: number
  /** Given what the servers say for their operator. */
  readonly onLog?: (text: string) => void
}

/** Everything that the servers stand between, and the servers as remote clients reach them. */
export interface Stack {
  readonly backend: Backend
  readonly identity: IdentityProvider
  readonly servers: readonly RemoteServer[]
  readonly drafts: string
  /** How a local client starts each server, beside those that run. */
  readonly entries: Record<ServerName, ClientEntry>
  /** Stops the servers first: their last calls still need the rest. */
  close(): Promise<void>
}

/** Starts backend, identity provider and the three remote servers, all on loopback. Nothing is left running if it fails. */
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
