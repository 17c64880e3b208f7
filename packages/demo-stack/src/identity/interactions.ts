import type { IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Interaction, InteractionResults, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { documentUrl } from './client-metadata-document.ts'
import { consentRequest } from './consent.ts'
import { FailedSignIns } from './failed-sign-ins.ts'
import type { App } from './pages.ts'
import { cannotAllowPage, consentPage, errorPage, sendPage, signInPage } from './pages.ts'
import type { Person } from './people.ts'
import { findPerson } from './people.ts'
import type { Catalogue } from './resources.ts'
import { findResource } from './resources.ts'

const MAX_BYTES = 4096
const FAILURE_DELAY_MS = 250

type Middleware = Parameters<Provider['use']>[0]
type Context = Pick<KoaContextWithOIDC, 'req' | 'res' | 'status' | 'type' | 'body' | 'set' | 'redirect'>

/** The sign-in and consent pages, at `/interaction/<uid>`. */
export function interactions(provider: Provider, people: readonly Person[], catalogue: Catalogue): Middleware {
  const failures = new FailedSignIns()

  return async (ctx, next) => {
    const uid = /^\/interaction\/([\w-]{1,100})$/.exec(ctx.path)?.[1]
    if (uid === undefined || !['GET', 'POST'].includes(ctx.method)) return next()
    try {
      const interaction = await provider.interactionDetails(ctx.req, ctx.res)
      if (interaction.uid !== uid) throw new errors.SessionNotFound('this page has expired')
      const client = await provider.Client.find(String(interaction.params.client_id))
      if (client === undefined) throw new errors.InvalidClient('the app is no longer registered')
      const app = appOf(client, interaction)
      if (ctx.method === 'GET') await showPage(ctx, interaction, app)
      // Rejects forms of other sites and of other ports on this host (CSRF).
      else if (!['same-origin', ''].includes(ctx.get('Sec-Fetch-Site'))) ctx.status = 403
      else await submitForm(ctx, interaction, app, new URLSearchParams(await readForm(ctx.req)))
    } catch (error) {
      if (!(error instanceof errors.OIDCProviderError)) throw error
      ctx.status = error.statusCode
      const expired = error instanceof errors.SessionNotFound
      sendPage(ctx, errorPage(error.error, expired ? 'This page has expired.' : error.error_description))
    }
  }

  async function showPage(ctx: Context, interaction: Interaction, app: App): Promise<void> {
    if (interaction.prompt.name === 'login') return sendPage(ctx, signInPage(app), app.redirectUri)
    const { person, request, openid } = await consentOf(interaction)
    const possible = request.newScopes.length + request.grantedScopes.length > 0
    const page = possible ? consentPage(app, person.name, request, openid) : cannotAllowPage(app, person.name, request)
    sendPage(ctx, page, app.redirectUri)
  }

  async function submitForm(ctx: Context, interaction: Interaction, app: App, form: URLSearchParams): Promise<void> {
    const finish = async (result: InteractionResults) => {
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
      ctx.status = 303
    }
    switch (form.get('action')) {
      case 'sign-in': {
        const username = (form.get('username') ?? '').slice(0, 100)
        const result = await authenticate(username, form.get('password') ?? '')
        if (typeof result !== 'string') return finish({ login: { accountId: result.sub } })
        ctx.status = 401
        return sendPage(ctx, signInPage(app, { message: result, username }), app.redirectUri)
      }
      case 'switch':
        return sendPage(ctx, signInPage(app), app.redirectUri)
      case 'deny':
        return finish({ error: 'access_denied', error_description: 'the user denied the request' })
      case 'allow':
        if (interaction.prompt.name !== 'consent') break
        return finish(await allow(interaction))
    }
    throw new errors.InvalidRequest('unknown action')
  }

  /** Resolves to the person, or to an error message for the sign-in page. */
  async function authenticate(username: string, password: string): Promise<Person | string> {
    if (failures.tooMany(username)) return 'Too many failed attempts. Wait a minute, then try again.'
    const person = findPerson(people, username, password)
    if (person !== undefined) return person
    failures.add(username)
    await pause(FAILURE_DELAY_MS)
    return 'Wrong username or password.'
  }

  async function allow(interaction: Interaction): Promise<InteractionResults> {
    const { person, request, grant: existing, openid } = await consentOf(interaction)
    if (request.newScopes.length + request.grantedScopes.length === 0)
      throw new errors.AccessDenied('the user cannot grant any of the requested scopes')
    const clientId = String(interaction.params.client_id)
    const grant = existing ?? new provider.Grant({ accountId: person.sub, clientId })
    if (openid.length > 0) grant.addOIDCScope(openid.join(' '))
    if (request.newScopes.length > 0) grant.addResourceScope(request.identifier, request.newScopes.join(' '))
    return { consent: { grantId: await grant.save() } }
  }

  async function consentOf({ session, params, grantId, prompt }: Interaction) {
    const person = people.find(({ sub }) => sub === session?.accountId)
    const identifier = String([params.resource].flat()[0])
    const resource = findResource(catalogue, identifier)
    if (person === undefined || resource === undefined) throw new errors.SessionNotFound('this page has expired')
    const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId)
    const openid = (prompt.details.missingOIDCScope as string[] | undefined) ?? []
    return { person, request: consentRequest(resource, identifier, params.scope, person, grant), grant, openid }
  }
}

function appOf(client: Client, { params }: Interaction): App {
  return {
    name: client.clientName ?? 'Unnamed app',
    documentHost: documentUrl(client.clientId)?.host,
    redirectUri: new URL(String(params.redirect_uri)),
    canRefresh: client.grantTypeAllowed('refresh_token'),
  }
}

async function readForm(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new errors.InvalidRequest('the form is too long', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
