import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEMO_PEOPLE, type Person, type Stack, startStack } from '@narrow-deputies/demo-stack'
import { type AuditRecord, parseAuditKey, verifyAudit } from '@narrow-deputies/guardrails/audit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, YES } from '../../clients.ts'
import { CHROMIUM, hasChromium, openChromium, openScripted } from './browser-user.ts'
import { type OAuthClient, openOAuthClient } from './oauth-client.ts'

const [ada, grace] = DEMO_PEOPLE as readonly [Person, Person]

let state: string
let stack: Stack
let logs = ''
const secrets: string[] = []

beforeAll(async () => {
  state = realpathSync(mkdtempSync(join(tmpdir(), 'end-to-end-')))
  stack = await startStack({
    state,
    onLog: text => {
      logs += text
    },
  })
})

afterAll(async () => {
  await stack.close()
  rmSync(state, { recursive: true, force: true })
})

function urlOf(server: string): string {
  return stack.servers.find(({ name }) => name === server)?.url ?? ''
}

function recordsOf(server: string): AuditRecord[] {
  return readFileSync(join(state, `${server}.remote.audit.jsonl`), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as AuditRecord)
}

if (!hasChromium) console.warn(`${CHROMIUM} is not installed: the test with a real browser is skipped`)

describe('a remote caller, from the URL of a server to the audit log', () => {
  describe.each([
    ['a scripted browser and a client of the 2025 revisions', 'v1', openScripted, true],
    ['a scripted browser and a client of the 2026 revision', 'v2', openScripted, true],
    ['Chromium and a client of the 2026 revision', 'v2', openChromium, hasChromium],
  ] as const)('with %s', (_, line, sit, isThere) => {
    const stepsUp = line === 'v2'

    it.skipIf(!isThere)(
      `${verifies('P15', 'P12', 'P7')} discovers, signs in, calls, gets more scopes, confirms, publishes, and is recorded`,
      async () => {
        const before = recordsOf('blog-publisher').length
        const articles = stack.backend.articles().length
        const asked: string[] = []
        const browser = await sit(ada)
        const human = (message: string): Answer => {
          asked.push(message)
          return YES
        }
        const client = await openOAuthClient(urlOf('blog-publisher'), browser, human, line)
        try {
          // If the client can get more scopes later, its first token is for reading only.
          expect(client.scopes.map(words)).toEqual(stepsUp ? [['blog:read']] : [['blog:publish', 'blog:read']])
          expect(await client.listTools()).toEqual(['listDrafts', 'publishDraft'])
          const { drafts } = (await client.callTool('listDrafts', {})).structuredContent as {
            drafts: { filename: string; untrusted?: { title: string } }[]
          }
          const live = new Set(stack.backend.articles().map(({ slug }) => slug))
          const filename = drafts[live.size % drafts.length]?.filename ?? ''

          const published = await client.callTool('publishDraft', { filename })
          expect(published.isError ?? false).toBe(false)
          expect(client.scopes.at(-1)?.split(' ').sort()).toEqual(['blog:publish', 'blog:read'])
          expect(client.scopes).toHaveLength(stepsUp ? 2 : 1)
          expect(asked).toHaveLength(1)
          expect(asked[0]).toContain(filename)
          expect(stack.backend.articles()).toHaveLength(articles + 1)

          const records = recordsOf('blog-publisher').slice(before)
          const outcome = records.find(({ event, tool }) => event === 'outcome' && tool === 'publishDraft')
          expect(outcome?.caller).toMatchObject({ kind: 'oauth', id: ada.sub, client: { name: 'oauth-host' } })
          expect(outcome?.confirmation).toBe('elicited')
          const refused = records
            .filter(({ event }) => event === 'denied')
            .map(({ error, tool }) => [error?.code, tool])
          expect(refused).toContainEqual(['FORBIDDEN', undefined])
          if (stepsUp) expect(refused).toContainEqual(['FORBIDDEN', 'publishDraft'])
        } finally {
          secrets.push(...client.secrets)
          await client.close()
          await browser.close()
        }
      },
    )
  })

  it(`${verifies('P15')} without the right to write gets no token for it, and the backend receives no write`, async () => {
    const browser = await openScripted(grace)
    const client: OAuthClient = await openOAuthClient(urlOf('ticket-handler'), browser)
    const requests = stack.backend.requests().filter(({ method }) => method !== 'GET').length
    const ticketId = stack.backend.ticketRows()[0]?.id
    expect((await client.callTool('getTicket', { ticketId })).structuredContent).toMatchObject({ ticketId })
    await expect(client.callTool('updateTicket', { ticketId, status: 'solved' })).rejects.toThrow()
    expect(stack.backend.requests().filter(({ method }) => method !== 'GET')).toHaveLength(requests)
    secrets.push(...client.secrets)
    await client.close()
  })

  it(`${verifies('P15', 'P13')} with a token for one server is refused by the others`, async () => {
    const browser = await openScripted(ada)
    const client = await openOAuthClient(urlOf('crm-reader'), browser)
    await client.listTools()
    const token = client.secrets.find(secret => secret.split('.').length === 3)
    const reply = await fetch(urlOf('ticket-handler'), {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: '{}',
    })
    expect(reply.status).toBe(401)
    secrets.push(...client.secrets)
    await client.close()
  })

  // Last, because it checks what all other tests have left behind.
  it(`${verifies('P11', 'P15')} leaves no token, code or verifier in any log or file except the identity provider’s`, async () => {
    expect(secrets.length).toBeGreaterThan(9)
    const files = readdirSync(state).filter(name => !name.startsWith('identity-'))
    const written = files
      .filter(name => name !== 'drafts')
      .map(name => readFileSync(join(state, name), 'latin1'))
      .join('\n')
    for (const secret of secrets)
      for (const part of secret.split('.').filter(({ length }) => length > 20)) {
        expect(written).not.toContain(part)
        expect(logs).not.toContain(part)
      }
    for (const server of ['blog-publisher', 'crm-reader', 'ticket-handler']) {
      const key = parseAuditKey(readFileSync(join(state, `${server}.audit-key`), 'utf8'))
      expect(await verifyAudit(join(state, `${server}.remote.audit.jsonl`), { keys: [key] })).toMatchObject({
        ok: true,
      })
    }
  })
})

function words(scope: string): string[] {
  return scope.split(' ').sort()
}
