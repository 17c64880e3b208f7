import { expect } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import type { Reply } from './remote-server.ts'

/** Where a client of the world’s public URL finds out how to be let in (RFC 9728, 3.1). */
export const METADATA_URL = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'

const PARAMETER = /([a-z_]+)="([^"\\]*)"/g

/** The parameters of the one Bearer challenge of a reply. */
export function challengeOf({ headers }: Reply): Readonly<Record<string, string>> {
  const text = String(headers['www-authenticate'])
  // Nothing but parameters, each quoted: whatever a token holds cannot end one and begin another.
  expect(text).toMatch(/^Bearer [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*$/)
  const parameters = [...text.matchAll(PARAMETER)].map(([, name = '', value = '']): [string, string] => [name, value])
  expect(new Set(parameters.map(([name]) => name)).size).toBe(parameters.length)
  return Object.fromEntries(parameters)
}

interface Knock {
  /** Whether it came with a token of some kind. */
  readonly presented: boolean
  /** Whether it was of the later era, whose clients can ask for more when they need it. */
  readonly later: boolean
}

/** That a client is told to sign in, where, and for what. */
export function expectSignIn(reply: Reply, { tools }: ServerSubject, { presented, later }: Knock): void {
  expect(reply.status, reply.text).toBe(401)
  const { error, error_description: description, scope = '', resource_metadata: where, ...others } = challengeOf(reply)
  const wanted = later ? tools.filter(({ effect }) => effect === 'read') : tools
  expect({ error, scopes: new Set(scope.split(' ')), where, others }).toEqual({
    error: presented ? 'invalid_token' : undefined,
    scopes: new Set(wanted.map(tool => tool.scope)),
    where: METADATA_URL,
    others: {},
  })
  expect(description !== undefined).toBe(presented)
}
