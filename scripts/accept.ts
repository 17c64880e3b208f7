import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { tools as blogTools } from '../servers/blog-publisher/src/tools/index.ts'
import { tools as crmTools } from '../servers/crm-reader/src/tools/index.ts'
import { tools as ticketTools } from '../servers/ticket-handler/src/tools/index.ts'

const HELP = `pnpm accept --by NAME

Writes the tools of the three servers, as they are built now, to servers/<server>/preship.lock.json, each with the worst
case that its code declares. NAME is recorded as the person who accepts them. Review the changes before you commit them.
`

const SERVERS = [
  { name: 'blog-publisher', prefix: 'BLOG', tools: blogTools.filter(({ name }) => name !== 'deployBlog') },
  { name: 'crm-reader', prefix: 'CRM', tools: crmTools },
  { name: 'ticket-handler', prefix: 'TICKET', tools: ticketTools },
]

const ROOT = fileURLToPath(new URL('..', import.meta.url))

function acceptAll(by: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'accept-'))
  try {
    const results = SERVERS.map(({ name, prefix, tools }) => {
      const env = {
        [`${prefix}_API_URL`]: 'http://127.0.0.1:9/v1',
        [`${prefix}_API_KEY`]: 'unused',
        BLOG_DRAFTS_DIR: folder,
        XDG_STATE_HOME: folder,
        LOG_LEVEL: 'silent',
      }
      const args = [
        ...[join(ROOT, 'packages/preship/dist/main.mjs'), 'lock', '--quiet', '--accept-by', by],
        ...['--lock', join(ROOT, 'servers', name, 'preship.lock.json')],
        ...tools.flatMap(tool => ['--worst-case', `${tool.name}=${tool.worstCase}`]),
        ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
        ...['--', process.execPath, join(ROOT, 'servers', name, 'dist/main.mjs')],
      ]
      return spawnSync(process.execPath, args, { stdio: 'inherit' }).status
    })
    return results.every(status => status === 0) ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { values } = parseArgs({ options: { by: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
if (values.help || !values.by) process.stdout.write(HELP)
process.exitCode = values.help ? 0 : values.by ? acceptAll(values.by) : 2
