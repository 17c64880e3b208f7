import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An identity provider that issues tokens through a function call. */
export interface Provider {
  readonly issuer: string
  /** @param audience the server that the token is for */
  token(audience: string, scope: string): string
  close(): Promise<void>
}

export async function startProvider(): Promise<Provider> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'key-1', alg: 'ES256', use: 'sig' }
  let issuer = ''
  const http = createServer(({ url }, response) => {
    const metadata = {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    }
    const body = url === '/jwks' ? { keys: [key] } : url?.endsWith('/oauth-authorization-server') ? metadata : undefined
    response.writeHead(body ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(body ?? {}))
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    issuer,
    token(audience, scope) {
      const iat = Math.floor(Date.now() / 1000)
      const claims = {
        iss: issuer,
        aud: audience,
        sub: 'ada',
        client_id: 'client',
        jti: randomUUID(),
        iat,
        exp: iat + 300,
      }
      const input = [
        { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' },
        { ...claims, scope },
      ]
        .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${input}.${signature.toString('base64url')}`
    },
    close: () =>
      new Promise(resolve => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}
