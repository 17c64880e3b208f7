import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, startBackend } from '@narrow-deputies/demo-stack'
import { AuditTrail, type Ended, endOf, type Message, RunningServer } from '@narrow-deputies/server-contract'

const ENTRY = fileURLToPath(new URL('../dist/main.mjs', import.meta.url))

const AUDIT_KEY = 'c3'.repeat(32)

/** A CRM backend and a crm-reader process. */
export interface Reader {
  readonly backend: Backend
  readonly trail: AuditTrail
  call(tool: string, args: Message): Promise<Ended>
  close(): Promise<void>
}

export async function openReader(env: Record<string, string> = {}, backend?: Backend): Promise<Reader> {
  const crm = backend ?? (await startBackend())
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'crm-reader-')))
  const auditFile = join(folder, 'audit.jsonl')
  const server = new RunningServer(ENTRY, {
    CRM_API_URL: crm.crm.url,
    CRM_API_KEY: crm.crm.key,
    AUDIT_FILE: auditFile,
    AUDIT_KEY,
    ...env,
  })
  await server.open('modern')
  return {
    backend: crm,
    trail: new AuditTrail(auditFile, AUDIT_KEY),
    call: async (tool, args) => endOf(await server.call(tool, args)),
    async close() {
      await server.kill('SIGKILL')
      if (!backend) await crm.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
