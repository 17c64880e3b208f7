import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Request } from './consent.ts'
import { Html, html, plain } from './html.ts'
import { STYLE, STYLE_HASH } from './style.ts'

/** The app that asks, as far as it can be told; all of it but the addresses is the app's own word. */
export interface App {
  readonly name: string
  /** The host of the app's metadata document, for an app that has one. */
  readonly knownBy: string | undefined
  /** Where the answer goes. */
  readonly returnsTo: URL
  /** Whether it may renew its access without asking. */
  readonly stays: boolean
}

export function signInPage(app: App, wrong?: { message: string; username: string }): Html {
  return page(
    'Sign in',
    html`<p>${quoted(app)} wants you to sign in. ${origin(app)}</p>
    ${wrong === undefined ? '' : html`<p class="bad" role="alert">${wrong.message}</p>`}
    <form method="post">
      <label for="username">Username</label>
      <input id="username" name="username" value="${wrong?.username ?? ''}" maxlength="100" required autofocus
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

export function consentPage(app: App, person: string, request: Request, openid: readonly string[]): Html {
  const { resource, fresh, held, withheld } = request
  const what = (scopes: readonly string[]) =>
    html`<ul>${scopes.map(scope => html`<li>${resource.scopes[scope] ?? scope} <code class="small">${scope}</code></li>`)}</ul>`
  return page(
    held.length > 0 && fresh.length > 0 ? `Allow ${plain(app.name)} more?` : `Allow ${plain(app.name)}?`,
    html`<p>You are <strong>${person}</strong>. ${quoted(app)} asks for your permission at
      <strong>${resource.name}</strong>, in your name.</p>
    ${fresh.length === 0 ? '' : html`<p>It would be able to:</p>${what(fresh)}`}
    ${held.length === 0 ? '' : html`<p>You have already allowed it to:</p>${what(held)}`}
    ${openid.includes('openid') ? html`<p>It would learn your user id here.</p>` : ''}
    ${withheld.length === 0 ? '' : html`<p>It also asked for what you cannot allow; that is left out.</p>`}
    ${app.stays ? html`<p>It stays allowed for 14 days, also while you are away.</p>` : ''}
    <p class="small">${origin(app)} The name is the app’s own word. Allow it only if you have just started this in that
      app yourself.</p>
    <form method="post">
      <p class="buttons">
        <button class="main" name="action" value="allow">Allow</button>
        <button name="action" value="deny">Deny</button>
        <button name="action" value="switch">Not ${person}?</button>
      </p>
    </form>`,
  )
}

/** For somebody who can allow nothing of what was asked. */
export function nothingToAllowPage(app: App, person: string, { resource, withheld }: Request): Html {
  return page(
    'You cannot allow this',
    html`<p class="bad" role="alert">You are <strong>${person}</strong>, and may not allow anybody to do at
      ${resource.name} what ${quoted(app)} asked for:</p>
    <ul>${withheld.map(scope => html`<li>${resource.scopes[scope] ?? scope} <code class="small">${scope}</code></li>`)}</ul>
    <form method="post">
      <p class="buttons">
        <button class="main" name="action" value="deny">Back to the app</button>
        <button name="action" value="switch">Not ${person}?</button>
      </p>
    </form>`,
  )
}

export function errorPage(error: string, description = 'Something went wrong here.'): Html {
  return page(
    'This did not work',
    html`<p class="bad" role="alert">${plain(description, 300)}</p>
    <p>Go back to the app and try again. If it asks for the reason: <code>${plain(error)}</code>.</p>`,
  )
}

/**
 * Sends a page that nobody can frame, keep or put a script into.
 *
 * @param returnsTo where a form on it may lead in the end: browsers hold redirects after a form to `form-action`, too
 */
export function sendPage(
  ctx: Pick<KoaContextWithOIDC, 'type' | 'body' | 'set'>,
  { text }: Html,
  returnsTo?: URL,
): void {
  ctx.type = 'html'
  ctx.body = text
  ctx.set(
    'Content-Security-Policy',
    `default-src 'none'; style-src '${STYLE_HASH}'; form-action 'self'${returnsTo ? ` ${source(returnsTo)}` : ''}; ` +
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

function origin({ knownBy, returnsTo }: App): Html {
  const back = /^https?:$/.test(returnsTo.protocol)
    ? html`your answer goes to <strong>${returnsTo.host}</strong>`
    : html`your answer goes to the app on this device that opens <strong>${plain(returnsTo.protocol)}</strong> links`
  return knownBy === undefined
    ? html`Nobody has checked who made this app; ${back}.`
    : html`The app is described at <strong>${knownBy}</strong>; ${back}.`
}

/** A source expression knows no IPv6 address, and of other schemes only the scheme. */
function source({ protocol, origin, hostname }: URL): string {
  return /^https?:$/.test(protocol) && !hostname.startsWith('[') ? origin : protocol
}
