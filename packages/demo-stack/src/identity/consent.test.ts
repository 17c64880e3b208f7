import { get } from 'node:http'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { ADA, Flow, flowForTest, GRACE, providerForTest, register } from '../../test/identity-fixture.ts'
import { ScriptedBrowser } from './scripted-browser.ts'

const BOTH = { scope: 'blog:read blog:publish' }

/** Makes the decision, and records the text of each page. */
function recording(decision: 'allow' | 'deny') {
  const seen: string[] = []
  const decide = ({ text }: { text: string }) => {
    seen.push(text)
    return decision
  }
  return { seen, decide }
}

/** Sends the requests of an attacker, with all cookies to every URL. */
function attacker() {
  const cookies = new Map<string, string>()
  return async (url: string, body?: string) => {
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ')
    const headers = { cookie, 'Content-Type': 'application/x-www-form-urlencoded' }
    const reply = await fetch(url, {
      redirect: 'manual',
      headers,
      ...(body !== undefined && { method: 'POST', body }),
    })
    for (const line of reply.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? []
      cookies.set(name, value)
    }
    return { status: reply.status, next: new URL(reply.headers.get('location') ?? '/', url).href }
  }
}

describe('the consent page', () => {
  it('says in plain words which app requests which access', async () => {
    const flow = await flowForTest(await providerForTest(), { client_name: 'Notes' })
    const { seen, decide } = recording('allow')
    await flow.authorize(ADA, decide, BOTH)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toContain('Ada Lovelace')
    expect(seen[0]).toContain('“Notes”')
    expect(seen[0]).toContain('the blog')
    expect(seen[0]).toContain('see the names of drafts blog:read publish a draft blog:publish')
    expect(seen[0]).toContain('127.0.0.1:8123')
    expect(seen[0]).toContain('The maker of this app is not verified')
  })

  it('lets the person deny the request', async () => {
    const flow = await flowForTest(await providerForTest())
    const answer = await flow.authorize(ADA, 'deny')
    expect(Object.fromEntries(answer)).toMatchObject({ error: 'access_denied', state: 'the-state' })
    expect(answer.has('code')).toBe(false)
  })

  it('comes after a sign-in, which fails in the same way for a wrong password and an unknown username', async () => {
    const flow = await flowForTest(await providerForTest())
    const message = 'Wrong username or password.'
    const start = Date.now()
    for (const who of [
      { ...ADA, password: 'wrong' },
      { ...ADA, username: 'nobody' },
      { ...ADA, username: '', password: '' },
    ]) {
      await expect(flow.authorize(who, 'allow')).rejects.toThrow(message)
    }
    expect(Date.now() - start).toBeGreaterThan(3 * 200)
  })

  it('comes after a sign-in, which is blocked after five failures, for known and unknown usernames', async () => {
    const idp = await providerForTest()
    const flow = await flowForTest(idp)
    const signInWrongly = async (username: string) => {
      // Each with its own browser, so that they can fail at the same time.
      const attempt = () => new Flow(idp, flow.clientId).authorize({ ...ADA, username, password: 'wrong' }, 'allow')
      const wrong = 'Wrong username or password.'
      await Promise.all(Array.from({ length: 5 }, () => expect(attempt()).rejects.toThrow(wrong)))
      await expect(attempt()).rejects.toThrow('Too many failed attempts')
    }
    await Promise.all(['ada', 'nobody'].map(signInWrongly))
    await expect(flow.authorize(ADA, 'allow')).rejects.toThrow('Too many failed attempts')
    expect((await flow.authorize(GRACE, 'allow')).has('code')).toBe(true)
  })

  it('offers only the scopes that the person can grant', async () => {
    const flow = await flowForTest(await providerForTest())
    const { seen, decide } = recording('allow')
    const { json } = await flow.redeem(await flow.authorize(GRACE, decide, BOTH))
    expect(seen[0]).not.toContain('publish a draft')
    expect(seen[0]).toContain('They are left out')
    expect(json.scope).toBe('blog:read')
    expect(decodeJwt(json.access_token).scope).toBe('blog:read')
  })

  it('says so if the person can grant nothing, and the request is denied', async () => {
    const flow = await flowForTest(await providerForTest())
    const { seen, decide } = recording('allow')
    const answer = await flow.authorize(GRACE, decide, { scope: 'blog:publish openid' })
    expect(seen[0]).toContain('You cannot grant the permissions')
    expect(answer.get('error')).toBe('access_denied')
  })

  it('does not accept a decision that it did not offer', async () => {
    const flow = await flowForTest(await providerForTest())
    const send = attacker()
    const signInPage = await send(flow.url({ scope: 'blog:publish' }))
    expect(await send(signInPage.next, 'action=allow')).toMatchObject({ status: 400 })
    const signedIn = await send(signInPage.next, `action=sign-in&username=grace&password=${GRACE.password}`)
    const consentPage = await send(signedIn.next)
    expect(consentPage.next).toContain('/interaction/')
    expect(await send(consentPage.next, 'action=allow')).toMatchObject({ status: 400 })
    expect(await send(consentPage.next, 'action=anything')).toMatchObject({ status: 400 })
    expect(await send(consentPage.next, `action=${'x'.repeat(5000)}`)).toMatchObject({ status: 413 })
    expect(await send(`${consentPage.next}x`, 'action=deny')).toMatchObject({ status: 400 })
    expect(await send(consentPage.next, 'action=deny')).toMatchObject({ status: 303 })
  })

  it('cannot be skipped by sending its decision to the sign-in page', async () => {
    const flow = await flowForTest(await providerForTest())
    const send = attacker()
    const first = await send(flow.url())
    const signedIn = await send(first.next, `action=sign-in&username=ada&password=${ADA.password}`)
    await send(signedIn.next)
    const again = await send(flow.url({ prompt: 'login' }))
    expect(await send(again.next, 'action=allow')).toMatchObject({ status: 400 })
  })

  it('asks only about new scopes when an app requests more', async () => {
    const flow = await flowForTest(await providerForTest(), { redirect_uris: ['https://app.example/cb'] })
    const redirect_uri = 'https://app.example/cb'
    const { seen, decide } = recording('allow')
    await flow.authorize(ADA, decide, { redirect_uri })
    const answer = await flow.authorize(ADA, decide, { ...BOTH, redirect_uri })
    expect(seen).toHaveLength(2)
    expect(seen[1]).toContain(
      'If you allow it, the app can: publish a draft blog:publish You have already allowed it to: see the',
    )
    expect((await flow.redeem(answer, { redirect_uri })).json.scope).toBe('blog:read blog:publish')

    // Without new scopes, the person is not asked again.
    await flow.authorize(ADA, decide, { ...BOTH, redirect_uri })
    expect(seen).toHaveLength(2)
  })

  it('does not extend tokens that were issued before', async () => {
    const flow = await flowForTest(await providerForTest())
    const { refresh_token } = await flow.tokens(ADA)
    await flow.tokens(ADA, BOTH)
    expect((await flow.refresh(refresh_token)).json.scope).toBe('blog:read')
  })

  it('is shown every time for a native app, because another app could impersonate it', async () => {
    const flow = await flowForTest(await providerForTest())
    const { seen, decide } = recording('allow')
    await flow.authorize(ADA, decide)
    await flow.authorize(ADA, decide)
    expect(seen).toHaveLength(2)
    expect(seen[1]).toContain('You have already allowed it to: see the names of drafts')
  })

  it('does not share the permissions of one app with another', async () => {
    const idp = await providerForTest()
    const browser = new ScriptedBrowser()
    const { seen, decide } = recording('allow')
    for (const _ of [1, 2]) await (await flowForTest(idp, {}, browser)).authorize(ADA, decide, BOTH)
    expect(seen[1]).not.toContain('already')
  })

  it('shows a hostile app name as plain text, shortened and on one line', async () => {
    const idp = await providerForTest()
    const client_name = `<script>alert(1)</script>"'\u202egnp.exe\n\u0000 <h1>${'long '.repeat(100)}`
    const flow = await flowForTest(idp, { client_name })
    let html = ''
    await flow.authorize(ADA, page => {
      html = page.html
      return 'deny'
    })
    expect(html).not.toMatch(/<script|<h1>long|[\u202e\u0000]/)
    expect(html).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39; gnp.exe &#60;h1&#62;long')
    expect(html).not.toContain('long '.repeat(10))
  })

  it('lets another person sign in instead', async () => {
    const flow = await flowForTest(await providerForTest())
    const { refresh_token } = await flow.tokens(ADA)
    let switched = false
    const answer = await flow.authorize(
      GRACE,
      ({ text }) => {
        if (text.includes('Ada')) {
          switched = true
          return 'switch'
        }
        return 'allow'
      },
      BOTH,
    )
    expect(switched).toBe(true)
    const { json } = await flow.redeem(answer)
    expect(decodeJwt(json.access_token)).toMatchObject({ sub: GRACE.sub, scope: 'blog:read' })
    // Grace is signed in now, but what Ada granted before stays valid.
    expect(decodeJwt((await flow.refresh(refresh_token)).json.access_token)).toMatchObject({ sub: ADA.sub })
  })
})

describe('the pages', () => {
  it('cannot be framed, cached or run scripts', async () => {
    const flow = await flowForTest(await providerForTest())
    const first = await fetch(flow.url(), { redirect: 'manual' })
    const cookie = first.headers
      .getSetCookie()
      .map(line => line.split(';')[0])
      .join('; ')
    for (const line of first.headers.getSetCookie()) expect(line.toLowerCase()).toMatch(/httponly/)
    const page = await fetch(new URL(first.headers.get('location') ?? '', flow.idp.issuer), { headers: { cookie } })
    const policy = page.headers.get('content-security-policy')
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self' http:\/\/127\.0\.0\.1:8123; /,
    )
    expect(policy).toContain(`frame-ancestors 'none'`)
    expect(page.headers.get('cache-control')).toBe('no-store')
    const html = await page.text()
    expect(html).not.toContain('<script')
    expect(html).toMatch(/<label for="username">/)
    expect(html).toMatch(/<label for="password">/)

    const forged = await fetch(page.url, {
      method: 'POST',
      headers: { cookie, 'Sec-Fetch-Site': 'same-site' },
      body: 'action=deny',
    })
    expect(forged.status).toBe(403)
    const stolen = await fetch(page.url)
    expect([stolen.status, await stolen.text()]).toEqual([400, expect.stringContaining('This page has expired.')])
  })

  it('for errors do not reveal stack traces or echo HTML', async () => {
    const idp = await providerForTest()
    const { client_id } = await register(idp)
    for (const query of ['', 'client_id=<b>x', `client_id=${client_id}&redirect_uri=https://evil.example/<b>`]) {
      const response = await fetch(`${idp.issuer}/auth?${query}`, { redirect: 'manual' })
      expect(response.status).toBe(400)
      expect(response.headers.get('content-security-policy')).toContain(`default-src 'none'`)
      expect(await response.text()).not.toMatch(/<b>|node_modules|\.js| {4}at /)
    }
  })

  it('are served under their own host name only', async () => {
    const { issuer } = await providerForTest()
    const status = (host: string) =>
      new Promise(resolve => get(`${issuer}/jwks`, { headers: { host } }, response => resolve(response.statusCode)))
    expect(await status(new URL(issuer).host)).toBe(200)
    expect(await status('evil.example')).toBe(421)
  })
})
