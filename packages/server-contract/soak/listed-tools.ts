import { join } from 'node:path'
import { run } from './proof.ts'

const PREFIXES: Readonly<Record<string, string>> = {
  'blog-publisher': 'BLOG',
  'crm-reader': 'CRM',
  'ticket-handler': 'TICKET',
}

const REQUESTS = [
  {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'soak', version: '1' } },
  },
  { method: 'notifications/initialized' },
  { id: 2, method: 'tools/list' },
]

/**
 * Starts a server's file over stdio and requests its list of tools.
 *
 * @param node the command and arguments that run Node.js
 * @param folder an empty folder for the audit log and the drafts
 * @returns the names of the tools
 * @throws if the server does not start, reply and exit with 0
 */
export async function listedTools(
  node: readonly [command: string, ...args: string[]],
  server: string,
  file: string,
  folder: string,
): Promise<string[]> {
  const [command, ...args] = node
  const prefix = PREFIXES[server] ?? ''
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    XDG_STATE_HOME: join(folder, 'state'),
    BLOG_DRAFTS_DIR: folder,
    LOG_LEVEL: 'silent',
    [`${prefix}_API_URL`]: 'http://127.0.0.1:9/v1',
    [`${prefix}_API_KEY`]: 'fake-key-for-a-test',
  }
  const input = REQUESTS.map(request => `${JSON.stringify({ jsonrpc: '2.0', ...request })}\n`).join('')
  const { code, stdout, stderr } = await run(command, [...args, file], { env, input, cwd: folder })
  if (code !== 0) throw new Error(`${server} exited with ${code}:\n${stderr.slice(-2000)}`)
  const replies = stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as { id?: number; result?: { tools?: { name: string }[] } })
  const tools = replies.find(({ id }) => id === 2)?.result?.tools ?? []
  if (tools.length === 0) throw new Error(`${server} listed no tools:\n${stdout.slice(0, 2000)}`)
  return tools.map(({ name }) => name)
}
