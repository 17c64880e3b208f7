import type { IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Interaction, InteractionResults, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { documentUrl } from './client-metadata-document.ts'
import { weigh } from './consent.ts'
import { FailedSignIns } from './failed-sign-ins.ts'
import type { App } from './pages.ts'
import { consentPage, errorPage, nothingToAllowPage, sendPage, signInPage } from './pages.ts'
import type { Person } from './people.ts'
import { whoHas } from './people.ts'
import type { Catalogue } from './resources.ts'
import { findResource } from './resources.ts'

const MOST_BYTES = 4096
const FAILURE_DELAY_MS = 250

type Middleware = Parameters<Provider['use']>[0]
type Context = Pick<KoaContextWithOIDC, 'req' | 'res' | 'status' | 'type' | 'body' | 'set' | 'redirect'>

/** The pages on which a person signs in and decides, at `/interaction/<uid>`. */
export function interactions(provider: Provider, people: readonly Person[], catalogue: Catalogue): Middleware {
  const failures = new FailedSignIns()

  return async (ctx, next) => {
    const uid = /^\/interaction\/([\w-]{1,100})$/.exec(ctx.path)?.[1]
    if (uid === undefined || !['GET', 'POST'].includes(ctx.method)) return next()
    try {
      const interaction = await provider.interactionDetails(ctx.req, ctx.res)
      if (interaction.uid !== uid) throw new errors.SessionNotFound('this page has expired')
      const client = await provider.Client.find(String(interaction.params.client_id))
      if (client === undefined) throw new errors.InvalidClient('the app is not known any more')
      const app = describe(client, interaction)
      if (ctx.method === 'GET') await show(ctx, interaction, app)
      // A form on another site, or another port of this host, is not the person's own decision.
      else if (!['same-origin', ''].includes(ctx.get('Sec-Fetch-Site'))) ctx.status = 403
      else await act(ctx, interaction, app, new URLSearchParams(await read(ctx.req)))
    } catch (error) {
      if (!(error instanceof errors.OIDCProviderError)) throw error
      ctx.status = error.statusCode
      const expired = error instanceof errors.SessionNotFound
      sendPage(ctx, errorPage(error.error, expired ? 'This page has expired.' : error.error_description))
    }
  }

  async function show(ctx: Context, interaction: Interaction, app: App): Promise<void> {
    if (interaction.prompt.name === 'login') return sendPage(ctx, signInPage(app), app.returnsTo)
    const { person, request, openid } = await asked(interaction)
    const possible = request.fresh.length + request.held.length > 0
    const page = possible
      ? consentPage(app, person.name, request, openid)
      : nothingToAllowPage(app, person.name, request)
    sendPage(ctx, page, app.returnsTo)
  }

  async function act(ctx: Context, interaction: Interaction, app: App, form: URLSearchParams): Promise<void> {
    const finish = async (result: InteractionResults) => {
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
      ctx.status = 303
    }
    switch (form.get('action')) {
      case 'sign-in': {
        const username = (form.get('username') ?? '').slice(0, 100)
        const person = await identify(username, form.get('password') ?? '')
        if (typeof person !== 'string') return finish({ login: { accountId: person.sub } })
        ctx.status = 401
        return sendPage(ctx, signInPage(app, { message: person, username }), app.returnsTo)
      }
      case 'switch':
        return sendPage(ctx, signInPage(app), app.returnsTo)
      case 'deny':
        return finish({ error: 'access_denied', error_description: 'the person did not allow it' })
      case 'allow':
        if (interaction.prompt.name !== 'consent') break
        return finish(await allow(interaction))
    }
    throw new errors.InvalidRequest('no such action')
  }

  /** The person, or what to tell whoever is not one. */
  async function identify(username: string, password: string): Promise<Person | string> {
    if (failures.tooMany(username)) return 'Too many tries. Wait a minute, then try again.'
    const person = whoHas(people, username, password)
    if (person !== undefined) return person
    failures.add(username)
    await pause(FAILURE_DELAY_MS)
    return 'This username and password do not go together.'
  }

  async function allow(interaction: Interaction): Promise<InteractionResults> {
    const { person, request, grant: existing, openid } = await asked(interaction)
    if (request.fresh.length + request.held.length === 0)
      throw new errors.AccessDenied('nothing of this can be allowed')
    const clientId = String(interaction.params.client_id)
    const grant = existing ?? new provider.Grant({ accountId: person.sub, clientId })
    if (openid.length > 0) grant.addOIDCScope(openid.join(' '))
    if (request.fresh.length > 0) grant.addResourceScope(request.identifier, request.fresh.join(' '))
    return { consent: { grantId: await grant.save() } }
  }

  async function asked({ session, params, grantId, prompt }: Interaction) {
    const person = people.find(({ sub }) => sub === session?.accountId)
    const identifier = String([params.resource].flat()[0])
    const resource = findResource(catalogue, identifier)
    if (person === undefined || resource === undefined) throw new errors.SessionNotFound('this page has expired')
    const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId)
    const openid = (prompt.details.missingOIDCScope as string[] | undefined) ?? []
    return { person, request: weigh(resource, identifier, params.scope, person, grant), grant, openid }
  }
}

function describe(client: Client, { params }: Interaction): App {
  return {
    name: client.clientName ?? 'An app without a name',
    knownBy: documentUrl(client.clientId)?.host,
    returnsTo: new URL(String(params.redirect_uri)),
    stays: client.grantTypeAllowed('refresh_token'),
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new errors.InvalidRequest('the form is too long', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
