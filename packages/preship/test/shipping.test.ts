import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OurServers } from './our-servers.ts'

const PRESHIP = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))
const rootOf = (name: string): string => fileURLToPath(new URL(`../../../servers/${name}`, import.meta.url))

interface Outcome {
  readonly code: number | null
  readonly verdicts: readonly { item: number; answer: string; evidence: readonly string[] }[]
  readonly findings: readonly unknown[]
}

/** Runs the built command in its strictest mode: every answer but “pass” fails. */
async function preship(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const root = rootOf(name)
  const files = ['--source', join(root, 'src'), '--manifest', join(root, 'preship.json'), '--lock', join(root, LOCK)]
  const all = [PRESHIP, '--strict', '--write-probes', '--quiet', '--format', 'json', ...files, ...args]
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, all, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const [code] = (await once(child, 'close')) as [number | null]
  const { verdicts, findings } = JSON.parse(text) as Omit<Outcome, 'code'>
  return { code, verdicts, findings: findings.filter(finding => (finding as { severity: string }).severity !== 'note') }
}

const LOCK = 'preship.lock.json'
const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8].map(item => ({ item, answer: 'pass' }))

const ours = new OurServers()
const folder = mkdtempSync(join(tmpdir(), 'preship-shipping-'))
beforeAll(async () => {
  if (!existsSync(PRESHIP)) throw new Error(`${PRESHIP} is not built: run pnpm build`)
  await ours.open()
})
afterAll(async () => {
  await ours.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.concurrent('the built command passes for', () => {
  it.each(['blog-publisher', 'crm-reader', 'ticket-handler'] as const)('%s as a local server', async name => {
    const { entry, env, file } = ours.files(name)
    const given = Object.keys(env).flatMap(variable => ['--env', variable])
    const outcome = await preship(name, ['--audit', file, ...given, '--', process.execPath, entry], env)
    expect(outcome).toMatchObject({ code: 0, findings: [], verdicts: EIGHT })
    for (const { evidence } of outcome.verdicts) expect(evidence).not.toEqual([])
  })

  it.each(['blog-publisher', 'crm-reader', 'ticket-handler'] as const)('%s as a remote server', async name => {
    await ours.serve(name, async ({ url, token, foreignToken, file }) => {
      mkdirSync(folder, { recursive: true })
      const foreign = join(folder, `${name}.foreign`)
      writeFileSync(foreign, foreignToken, { mode: 0o600 })
      const args = ['--audit', file, '--foreign-token-file', foreign, url.href]
      const outcome = await preship(name, args, { PRESHIP_TOKEN: token })
      expect(outcome).toMatchObject({ code: 0, findings: [], verdicts: EIGHT })
      for (const { evidence } of outcome.verdicts) expect(evidence).not.toEqual([])
      expect(outcome.verdicts.find(({ item }) => item === 8)?.evidence).toHaveLength(8)
    })
  })
})
