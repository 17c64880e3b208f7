import type { KoaContextWithOIDC } from 'oidc-provider'
import type { ConsentRequest } from './consent.ts'
import { Html, html, plain } from './html.ts'
import { STYLE, STYLE_HASH } from './style.ts'

/** The app that requests access. Its name is untrusted. */
export interface App {
  readonly name: string
  /** The host of the app's metadata document, if it has one. */
  readonly documentHost: string | undefined
  readonly redirectUri: URL
  /** Whether it can renew its access without asking the person. */
  readonly canRefresh: boolean
}

export function signInPage(app: App, failure?: { message: string; username: string }): Html {
  return page(
    'Sign in',
    html`<p>Sign in to continue to ${quoted(app)}. ${provenance(app)}</p>
    ${failure === undefined ? '' : html`<p class="bad" role="alert">${failure.message}</p>`}
    <form method="post">
      <label for="username">Username</label>
      <input id="username" name="username" value="${failure?.username ?? ''}" maxlength="100" required autofocus
        autocomplete="username" autocapitalize="none" spellcheck="false">
      <label for="password">Password</label>
      <input id="password" name="password" type="password" maxlength="200" required autocomplete="current-password">
      <p class="buttons">
        <button class="main" name="action" value="sign-in">Sign in</button>
        <button name="action" value="deny" formnovalidate>Cancel</button>
      </p>
    </form>`,
  )
}

export function consentPage(app: App, person: string, request: ConsentRequest, openid: readonly string[]): Html {
  const { resource, newScopes, grantedScopes, forbiddenScopes } = request
  return page(
    `Give ${plain(app.name)} ${grantedScopes.length > 0 && newScopes.length > 0 ? 'more access' : 'access'}?`,
    html`<p>You are signed in as <strong>${person}</strong>. ${quoted(app)} requests access to
      <strong>${resource.name}</strong> on your behalf.</p>
    ${newScopes.length === 0 ? '' : html`<p>If you allow it, the app can:</p>${list(resource, newScopes)}`}
    ${grantedScopes.length === 0 ? '' : html`<p>You have already allowed it to:</p>${list(resource, grantedScopes)}`}
    ${openid.includes('openid') ? html`<p>The app can also see your user id.</p>` : ''}
    ${forbiddenScopes.length === 0 ? '' : html`<p>It also requests permissions that you cannot grant. They are left out.</p>`}
    ${app.canRefresh ? html`<p>The app keeps this access for 14 days, even while you are away.</p>` : ''}
    <p class="small">${provenance(app)} The app chose its name itself. Allow access only if you have just started this in
      the app yourself.</p>
    <form method="post">
      <p class="buttons">
        <button class="main" name="action" value="allow">Allow</button>
        <button name="action" value="deny">Deny</button>
        <button name="action" value="switch">Switch user</button>
      </p>
    </form>`,
  )
}

/** Shown to a person who cannot grant any of the requested scopes. */
export function cannotAllowPage(app: App, person: string, { resource, forbiddenScopes }: ConsentRequest): Html {
  return page(
    'You cannot allow this',
    html`<p class="bad" role="alert">You are signed in as <strong>${person}</strong>. You cannot grant the permissions that
      ${quoted(app)} requests for <strong>${resource.name}</strong>:</p>
    ${list(resource, forbiddenScopes)}
    <form method="post">
      <p class="buttons">
        <button class="main" name="action" value="deny">Back to the app</button>
        <button name="action" value="switch">Switch user</button>
      </p>
    </form>`,
  )
}

export function errorPage(error: string, description = 'The request failed.'): Html {
  return page(
    'Something went wrong',
    html`<p class="bad" role="alert">${plain(description, 300)}</p>
    <p>Go back to the app and try again. The error code is <code>${plain(error)}</code>.</p>`,
  )
}

/**
 * Sends a page that cannot be framed, cached or run scripts.
 *
 * @param redirectUri where a form on the page may redirect to; browsers apply `form-action` to redirects too
 */
export function sendPage(
  ctx: Pick<KoaContextWithOIDC, 'type' | 'body' | 'set'>,
  { text }: Html,
  redirectUri?: URL,
): void {
  ctx.type = 'html'
  ctx.body = text
  ctx.set(
    'Content-Security-Policy',
    `default-src 'none'; style-src '${STYLE_HASH}'; form-action 'self'${redirectUri ? ` ${cspSource(redirectUri)}` : ''}; ` +
      `base-uri 'none'; frame-ancestors 'none'`,
  )
  ctx.set('Cache-Control', 'no-store')
}

function page(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`
}

function quoted({ name }: App): Html {
  return html`<strong>“${plain(name)}”</strong>`
}

function provenance({ documentHost, redirectUri }: App): Html {
  const destination = /^https?:$/.test(redirectUri.protocol)
    ? html`<strong>${redirectUri.host}</strong>`
    : html`the app on this device that opens <strong>${plain(redirectUri.protocol)}</strong> links`
  return documentHost === undefined
    ? html`The maker of this app is not verified. You will be sent back to ${destination}.`
    : html`The app is described at <strong>${documentHost}</strong>. You will be sent back to ${destination}.`
}

function list({ scopes }: ConsentRequest['resource'], names: readonly string[]): Html {
  return html`<ul>${names.map(name => html`<li>${scopes[name] ?? name} <code class="small">${name}</code></li>`)}</ul>`
}

/** CSP source expressions cannot contain IPv6 addresses, and for custom schemes they contain the scheme only. */
function cspSource({ protocol, origin, hostname }: URL): string {
  return /^https?:$/.test(protocol) && !hostname.startsWith('[') ? origin : protocol
}
