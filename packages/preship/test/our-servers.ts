import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import { freePort } from '@narrow-deputies/demo-stack/free-ports'
import { auditFile } from '../src/evidence/audit-file.ts'
import type { EvidenceSource } from '../src/evidence/evidence-source.ts'
import { examine } from '../src/examine.ts'
import type { Report } from '../src/report/report.ts'
import { type Provider, startProvider } from './provider.ts'

const SERVERS = {
  'blog-publisher': { prefix: 'BLOG', api: 'blog', scopes: 'blog:read blog:publish' },
  'crm-reader': { prefix: 'CRM', api: 'crm', scopes: 'crm:read' },
  'ticket-handler': { prefix: 'TICKET', api: 'tickets', scopes: 'tickets:read tickets:write' },
} as const

export type OurServer = keyof typeof SERVERS

/** A text that occurs once in the built server, and its replacement. */
export type Change = readonly [from: string, to: string]

/** A running copy, and two tokens of its provider: one for it, and one for another server. */
export interface Served {
  readonly url: URL
  readonly token: string
  readonly foreignToken: string
  readonly audit: EvidenceSource
  readonly file: string
}

/** Copies of the three servers, modified or unmodified, each with a running backend. */
export class OurServers {
  #backend: Backend | undefined
  #provider: Provider | undefined
  readonly #folder = mkdtempSync(join(tmpdir(), 'preship-ours-'))
  #count = 0

  async open(): Promise<void> {
    this.#backend = await startBackend({ rateLimit: { max: 100_000, windowMs: 60_000 } })
    this.#provider = await startProvider()
  }

  async close(): Promise<void> {
    await this.#provider?.close()
    await this.#backend?.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Examines a copy over standard input and output. */
  async local(
    name: OurServer,
    changes: readonly Change[] = [],
    more: Record<string, string> = {},
    others: readonly EvidenceSource[] = [],
  ) {
    const { entry, env, audit } = this.#copy(name, changes, more)
    const target = { kind: 'stdio', program: process.execPath, args: [entry], env } as const
    return await examine({ ...USUAL, target, evidence: [audit, ...others] })
  }

  /** Examines only what a copy presents over standard input and output. */
  async inspect(name: OurServer, changes: readonly Change[] = []): Promise<Report> {
    const { entry, env } = this.#copy(name, changes, {})
    const target = { kind: 'stdio', program: process.execPath, args: [entry], env } as const
    return await examine({ ...USUAL, target, evidence: [], inspectOnly: true })
  }

  /** Examines a copy over HTTP. */
  async remote(name: OurServer, changes: readonly Change[] = [], more: Record<string, string> = {}): Promise<Report> {
    return await this.serve(
      name,
      async ({ url, token, foreignToken, audit }) =>
        await examine({ ...USUAL, target: { kind: 'url', url, token, foreignToken }, evidence: [audit] }),
      changes,
      more,
    )
  }

  /** A copy that the caller starts, with its environment and the path of its audit log. */
  files(name: OurServer): { entry: string; env: Record<string, string>; file: string } {
    return this.#copy(name, [], {})
  }

  /** Runs a copy over HTTP while `work` is pending. */
  async serve<T>(
    name: OurServer,
    work: (served: Served) => Promise<T>,
    changes: readonly Change[] = [],
    more: Record<string, string> = {},
  ): Promise<T> {
    const provider = this.#provider as Provider
    const port = await freePort()
    const url = new URL(`http://127.0.0.1:${port}/mcp`)
    const oauth = { MCP_PUBLIC_URL: url.href, OAUTH_ISSUER: provider.issuer }
    const { entry, env, audit, file } = this.#copy(name, changes, { ...oauth, ...more })
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [entry, 'http', '--port', String(port)], { env: { PATH, ...env } })
    try {
      await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'close').then(() => Promise.reject(new Error(`${name} does not start`))),
      ])
      const { scopes } = SERVERS[name]
      const token = provider.token(url.href, scopes)
      const foreignToken = provider.token('https://elsewhere.example/mcp', scopes)
      return await work({ url, token, foreignToken, audit, file })
    } finally {
      child.kill('SIGKILL')
    }
  }

  #copy(name: OurServer, changes: readonly Change[], more: Record<string, string>) {
    const { prefix, api } = SERVERS[name]
    const { url, key } = (this.#backend as Backend)[api]
    this.#count += 1
    const folder = join(this.#folder, String(this.#count))
    const drafts = join(folder, 'drafts')
    mkdirSync(drafts, { recursive: true, mode: 0o755 })
    for (const n of [1, 2])
      writeFileSync(join(drafts, `draft ${this.#count} ${n}.md`), `# Draft ${this.#count}.${n}\n\nText.\n`)
    const entry = join(folder, 'main.mjs')
    const built = fileURLToPath(new URL(`../../../servers/${name}/dist/main.mjs`, import.meta.url))
    writeFileSync(entry, changes.reduce(changed, readFileSync(built, 'utf8')))
    const file = join(folder, 'audit.jsonl')
    const env = {
      [`${prefix}_API_URL`]: url,
      [`${prefix}_API_KEY`]: key,
      ...(name === 'blog-publisher' && { BLOG_DRAFTS_DIR: drafts }),
      XDG_STATE_HOME: folder,
      AUDIT_FILE: file,
      AUDIT_KEY: 'c0ffee15'.repeat(8),
      ...more,
    }
    return { entry, env, file, audit: auditFile({ file, secrets: [[`${prefix}_API_KEY`, key]] }) }
  }
}

const USUAL = { mayWrite: true, neighbours: [], timeoutMs: 10_000, deadlineMs: 120_000, onProgress() {} }

/**
 * Replaces a text. @throws if the text does not occur exactly once, because the change would then have another effect
 * or none
 */
function changed(text: string, [from, to]: Change): string {
  const parts = text.split(from)
  if (parts.length !== 2)
    throw new Error(`the text to replace occurs ${parts.length - 1} times in the built server: ${from}`)
  return parts.join(to)
}
