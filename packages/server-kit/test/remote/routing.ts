import type { IncomingMessage, ServerResponse } from 'node:http'
import { vi } from 'vitest'
import type { JsonRpc, WireFault } from '#guardrails/audit'
import { type Admission, createAdmission, type Requester } from '../../src/remote/admission.ts'
import { describeResource } from '../../src/remote/protected-resource.ts'
import { createRoutes } from '../../src/remote/routes.ts'
import { listen } from './loopback.ts'

export const ADA: Requester = {
  caller: { kind: 'oauth', id: 'ada', host: '127.0.0.1', clientId: 'app' },
  scopes: new Set(['notes:read']),
}
export const ORIGIN = 'https://app.example.com'

export const resource = describeResource({
  url: 'https://mcp.example.com/notes/mcp',
  issuer: 'https://idp.example.com',
  name: 'test-server',
  tools: [{ effect: 'read', scope: 'notes:read' }],
})

export interface RoutingOptions {
  /** Admits ada unless told otherwise. */
  readonly admit?: Admission['admit']
  readonly withOAuth?: boolean
}

/** The routes behind a real HTTP server, in front of an endpoint that only takes notes. */
export async function openRoutes({ admit = async () => ADA, withOAuth = true }: RoutingOptions = {}) {
  const stopping = new AbortController()
  const faults: unknown[] = []
  const readiness = vi.fn(async () => ({ ready: true, checks: { audit: 'ok' as const } }))
  const serve = vi.fn(
    async (_req: IncomingMessage, res: ServerResponse, _requester: Requester, _message?: JsonRpc): Promise<void> =>
      void res.writeHead(200).end('served'),
  )
  const refuse = vi.fn(
    (_requester: Requester, fault: WireFault): JsonRpc => ({ jsonrpc: '2.0', id: null, error: fault.reason }),
  )
  const { checkHostAndOrigin } = createAdmission({ hosts: ['127.0.0.1'], origins: [ORIGIN], oauth: undefined })
  const routes = createRoutes({
    admission: { checkHostAndOrigin, admit },
    endpoint: { serve, refuse },
    resource: withOAuth ? resource : undefined,
    readiness,
    stopping: stopping.signal,
    onFault: fault => void faults.push(fault),
  })
  const unexpected: unknown[] = []
  const { port } = await listen(routes, fault => void unexpected.push(fault))
  return { port, stopping, faults, unexpected, readiness, serve, refuse }
}
