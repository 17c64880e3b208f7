import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { ADA, BLOG, CALLBACK, CRM, Flow, flowForTest, providerForTest, register } from '../../test/identity-fixture.ts'

describe('tokens', () => {
  it('are issued for a code with PKCE, signed, for one resource and its scopes', async () => {
    const idp = await providerForTest()
    const flow = await flowForTest(idp)
    const answer = await flow.authorize(ADA, 'allow', { scope: 'blog:read blog:publish crm:read' })
    expect(answer.get('state')).toBe('the-state')
    expect(answer.get('iss')).toBe(idp.issuer)
    const { status, json } = await flow.redeem(answer)
    expect(status).toBe(200)
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'blog:read blog:publish' })

    const { payload, protectedHeader } = await jwtVerify(
      json.access_token,
      createRemoteJWKSet(new URL(`${idp.issuer}/jwks`)),
      { issuer: idp.issuer, audience: BLOG.url, algorithms: ['ES256'], typ: 'at+jwt' },
    )
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
    expect(payload).toEqual({
      iss: idp.issuer,
      sub: ADA.sub,
      aud: BLOG.url,
      client_id: flow.clientId,
      scope: 'blog:read blog:publish',
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 600,
    })
  })

  it('expire after the configured time', async () => {
    const flow = await flowForTest(await providerForTest({ accessTokenSeconds: 7 }))
    const { access_token } = await flow.tokens(ADA)
    const { iat = 0, exp } = decodeJwt(access_token)
    expect(exp).toBe(iat + 7)
  })

  it('have the resource’s own spelling as audience, however the client spells it', async () => {
    const resource = { ...BLOG, url: 'http://127.0.0.1:9' }
    const flow = await flowForTest(await providerForTest({ resources: () => [resource] }))
    const { access_token } = await flow.tokens(ADA, { resource: 'http://127.0.0.1:9/' })
    expect(decodeJwt(access_token).aud).toBe(resource.url)
  })

  it('can be requested for a resource that is added later', async () => {
    const resources = [CRM]
    const flow = await flowForTest(await providerForTest({ resources: () => resources }))
    expect((await flow.authorize(ADA, 'allow')).get('error')).toBe('invalid_target')
    resources.push(BLOG)
    expect(decodeJwt((await flow.tokens(ADA)).access_token).aud).toBe(BLOG.url)
  })

  it.each([
    ['no code challenge', { code_challenge: null, code_challenge_method: null }, 'invalid_request'],
    ['a plain code challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a challenge without a method', { code_challenge_method: null }, 'invalid_request'],
    ['an unknown resource', { resource: 'http://127.0.0.1:9/other' }, 'invalid_target'],
    ['no resource', { resource: null }, 'invalid_target'],
    ['the openid scope and no resource', { resource: null, scope: 'openid' }, 'invalid_target'],
    ['another resource’s scope', { scope: 'crm:read' }, 'invalid_scope'],
    ['no scope', { scope: null }, 'invalid_scope'],
    ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
    ['a hybrid flow', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
  ])('are not issued for a request with %s', async (_what, changes, error) => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'allow', changes)
    expect(Object.fromEntries(answer)).toMatchObject({ error, state: 'the-state' })
    expect(answer.has('code')).toBe(false)
  })

  it('are not issued for two resources at a time', async () => {
    const flow = await flowForTest(await providerForTest())
    const url = `${flow.url()}&resource=${encodeURIComponent(CRM.url)}`
    const answer = new URL(await flow.browser.signIn(url, ADA, 'allow'))
    expect(answer.searchParams.get('error')).toBe('invalid_target')
  })

  it('are not issued for another resource than the one of the code', async () => {
    const flow = await flowForTest(await providerForTest())
    const { status, json } = await flow.redeem(await flow.authorize(ADA, 'allow'), { resource: CRM.url })
    expect([status, json.error]).toEqual([400, 'invalid_target'])
  })

  it.each([
    ['another verifier', { code_verifier: 'x'.repeat(43) }],
    ['another redirect URI', { redirect_uri: `${CALLBACK}/2` }],
    ['no verifier', { code_verifier: '' }],
  ])('are not issued for a code with %s', async (_what, changes) => {
    const flow = await flowForTest(await providerForTest())
    const { status, json } = await flow.redeem(await flow.authorize(ADA, 'allow'), changes)
    expect([status, json.access_token]).toEqual([400, undefined])
  })

  it('are issued once for a code; a second use of the code revokes them', async () => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'allow')
    const first = await flow.redeem(answer)
    expect(first.status).toBe(200)
    expect(await flow.redeem(answer)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(await flow.refresh(first.json.refresh_token)).toMatchObject({ status: 400 })
  })

  it('are issued once for a code or refresh token, also for requests at the same time', async () => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'allow')
    const statuses = async (requests: Promise<{ status: number }>[]) =>
      (await Promise.all(requests)).map(({ status }) => status).sort()
    expect(await statuses([1, 2, 3].map(() => flow.redeem(answer)))).toEqual([200, 400, 400])

    const other = await flowForTest(flow.idp)
    const { refresh_token } = await other.tokens(ADA)
    expect(await statuses([1, 2, 3].map(() => other.refresh(refresh_token)))).toEqual([200, 400, 400])
  })

  it('are not issued to another client that has the code', async () => {
    const idp = await providerForTest()
    const flow = await flowForTest(idp)
    const answer = await flow.authorize(ADA, 'allow')
    const { client_id } = await register(idp)
    expect(await flow.redeem(answer, { client_id })).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('are renewed with a new refresh token each time; using an old one revokes all of them', async () => {
    const flow = await flowForTest(await providerForTest())
    const first = await flow.tokens(ADA, { scope: 'blog:read blog:publish' })
    const second = await flow.refresh(first.refresh_token)
    expect(second).toMatchObject({ status: 200, json: { scope: 'blog:read blog:publish' } })
    expect(decodeJwt(second.json.access_token)).toMatchObject({ aud: BLOG.url, sub: ADA.sub })
    expect(second.json.refresh_token).not.toBe(first.refresh_token)

    expect(await flow.refresh(first.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(await flow.refresh(second.json.refresh_token)).toMatchObject({ status: 400 })
  })

  it('are not renewable for a client that did not register the refresh_token grant', async () => {
    const flow = await flowForTest(await providerForTest(), { grant_types: ['authorization_code'] })
    expect((await flow.tokens(ADA)).refresh_token).toBeUndefined()
  })

  it('are issued to a confidential client only with its secret', async () => {
    const idp = await providerForTest()
    const { client_id, client_secret } = await register(idp, { token_endpoint_auth_method: 'client_secret_basic' })
    expect(client_secret).toHaveLength(86)
    const flow = new Flow(idp, client_id)
    const params = { code_verifier: flow.verifier, redirect_uri: CALLBACK, grant_type: 'authorization_code' }
    const code = (await flow.authorize(ADA, 'allow')).get('code') ?? ''
    expect(await flow.token({ ...params, code })).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
    expect(await flow.token({ ...params, code }, { Authorization: `Basic ${basic}` })).toMatchObject({ status: 200 })
  })

  it('are not issued for a password', async () => {
    const flow = await flowForTest(await providerForTest())
    const { username, password } = ADA
    const { json } = await flow.token({ grant_type: 'password', username, password, scope: 'blog:read' })
    expect(json.error).toBe('unsupported_grant_type')
  })
})
