/** What the person does on the consent page; `switch` signs in as another person. */
export type Decision = 'allow' | 'deny' | 'switch'
/** A decision, or a function that decides by the page. */
export type Decide = Decision | ((page: { readonly html: string; readonly text: string }) => Decision)

interface Form {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  /** The values of its `action` buttons. */
  readonly buttons: readonly string[]
}

const MAX_STEPS = 20

/** A minimal browser for one provider. It handles redirects, forms and cookies, so the person stays signed in. */
export class ScriptedBrowser {
  readonly #cookies = new Map<string, { value: string; path: string }>()

  /**
   * Opens an authorization URL, signs in and decides. Resolves to the redirect URL at the client without opening it.
   *
   * @throws Error with the text of the page if it shows an error or an unknown form
   */
  async signIn(url: string | URL, person: { username: string; password: string }, decide: Decide): Promise<string> {
    let at = new URL(url)
    const { origin } = at
    let answer = await this.#request(at)
    for (let step = 0; step < MAX_STEPS; step++) {
      const location = answer.headers.get('location')
      if (location !== null) {
        at = new URL(location, at)
        if (at.origin !== origin) return at.href
        answer = await this.#request(at)
        continue
      }
      const html = await answer.text()
      const form = formOf(html)
      if (form === undefined || !answer.ok) throw new Error(textOf(html))
      const fields = { ...form.fields }
      if (form.buttons.includes('sign-in')) Object.assign(fields, person, { action: 'sign-in' })
      else if (form.buttons.length > 0) fields.action = decision(decide, form, html)
      at = new URL(form.action || at, at)
      if (at.origin !== origin) throw new Error('the form leads to another origin')
      answer = await this.#request(at, new URLSearchParams(pick(fields)))
    }
    throw new Error(`the sign-in did not end after ${MAX_STEPS} steps`)
  }

  async #request(url: URL, form?: URLSearchParams): Promise<Response> {
    const sent = [...this.#cookies].filter(([, { path }]) => under(url.pathname, path))
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { Accept: 'text/html', Cookie: sent.map(([name, { value }]) => `${name}=${value}`).join('; ') },
      ...(form !== undefined && { method: 'POST', body: form }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line, url)
    return response
  }

  #keep(line: string, url: URL): void {
    const [, name = '', value = '', attributes = ''] = /^([^=;]+)=([^;]*)(.*)$/.exec(line) ?? []
    const path = /;\s*path=([^;]*)/i.exec(attributes)?.[1] ?? url.pathname.replace(/\/[^/]*$/, '')
    const expires = /;\s*expires=([^;]*)/i.exec(attributes)?.[1]
    if (value === '' || (expires !== undefined && Date.parse(expires) <= Date.now())) this.#cookies.delete(name)
    else this.#cookies.set(name, { value, path: path || '/' })
  }
}

/** Signs in once, with a new browser. */
export function signIn(
  url: string | URL,
  person: { username: string; password: string },
  decide: Decide,
): Promise<string> {
  return new ScriptedBrowser().signIn(url, person, decide)
}

function decision(decide: Decide, { buttons }: Form, html: string): string {
  const wanted = typeof decide === 'string' ? decide : decide({ html, text: textOf(html) })
  // If nothing can be allowed, the page has no Allow button.
  return buttons.includes(wanted) ? wanted : 'deny'
}

function pick({ username, password, ...rest }: Record<string, string>): Record<string, string> {
  return username === undefined || password === undefined ? rest : { ...rest, username, password }
}

function formOf(html: string): Form | undefined {
  const [, opening = '', body] = /<form\b([^>]*)>(.*?)<\/form>/s.exec(html) ?? []
  if (body === undefined) return undefined
  const fields: Record<string, string> = {}
  for (const [, attributes = ''] of body.matchAll(/<input\b([^>]*)>/g)) {
    fields[attribute(attributes, 'name')] = attribute(attributes, 'value')
  }
  const buttons = [...body.matchAll(/<button\b([^>]*)>/g)]
    .filter(([, attributes = '']) => attribute(attributes, 'name') === 'action')
    .map(([, attributes = '']) => attribute(attributes, 'value'))
  return { action: attribute(opening, 'action'), fields, buttons }
}

function attribute(attributes: string, name: string): string {
  return decoded(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '')
}

function textOf(html: string): string {
  const body = html.replace(/<(style|title|script)\b.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ' ')
  return decoded(body).replace(/\s+/g, ' ').trim()
}

function decoded(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name = '') =>
    code === undefined ? (named[name] ?? whole) : String.fromCodePoint(Number(code)),
  )
}

function under(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
}
