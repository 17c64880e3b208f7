import { expect } from 'vitest'
import type { ServerSubject } from '../subject.ts'
import type { Reply } from './remote-server.ts'

/** The URL of the protected resource metadata (RFC 9728, 3.1). */
export const METADATA_URL = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'

const PARAMETER = /([a-z_]+)="([^"\\]*)"/g

/** The parameters of the Bearer challenge of a reply. */
export function challengeOf({ headers }: Reply): Readonly<Record<string, string>> {
  const text = String(headers['www-authenticate'])
  // Every parameter is quoted, so that text of a token cannot start another one.
  expect(text).toMatch(/^Bearer [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*$/)
  const parameters = [...text.matchAll(PARAMETER)].map(([, name = '', value = '']): [string, string] => [name, value])
  expect(new Set(parameters.map(([name]) => name)).size).toBe(parameters.length)
  return Object.fromEntries(parameters)
}

interface RefusedRequest {
  /** Whether the request had a token. */
  readonly hasToken: boolean
  /** Whether it was a modern request. Its client can get more scopes later, so the challenge asks for reading only. */
  readonly isModern: boolean
}

/** The reply is a 401 with a challenge that names the metadata URL and the scopes to ask for. */
export function expectSignIn(reply: Reply, { tools }: ServerSubject, { hasToken, isModern }: RefusedRequest): void {
  expect(reply.status, reply.text).toBe(401)
  const { error, error_description: description, scope = '', resource_metadata: where, ...others } = challengeOf(reply)
  const wanted = isModern ? tools.filter(({ effect }) => effect === 'read') : tools
  expect({ error, scopes: new Set(scope.split(' ')), where, others }).toEqual({
    error: hasToken ? 'invalid_token' : undefined,
    scopes: new Set(wanted.map(tool => tool.scope)),
    where: METADATA_URL,
    others: {},
  })
  expect(description !== undefined).toBe(hasToken)
}
