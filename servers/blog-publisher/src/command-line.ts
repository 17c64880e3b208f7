import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }

export const NAME = 'blog-publisher'
export const VERSION: string = manifest.version

export const HELP = `${NAME} ${VERSION}: an MCP server that publishes drafts that people wrote to a blog.

  ${NAME}              serve one MCP client over standard input and output
  ${NAME} http         serve remote clients over HTTP: --port N (8080) --host H (127.0.0.1)
  ${NAME} check        say whether the configuration, the audit log and the backend work
  ${NAME} --version
  ${NAME} --help

Configuration, by environment (a secret X also as X_FILE, naming a file that holds it):
  BLOG_API_URL           where the blog's API begins, https or loopback      required
  BLOG_API_KEY           its key: articles:create   required
  BLOG_BACKEND           rest                                                default rest
  BLOG_DRAFTS_DIR          the folder of drafts, an absolute path              required
  BLOG_CONFIRM             required: the client asks the user; description: the model is told to ask
                                                                               default required
  BLOG_DEPLOY_SSH          user@host:port; with the next two, there is a deployBlog tool
  BLOG_DEPLOY_KEY_FILE     a private key that is locked to one command there
  BLOG_DEPLOY_KNOWN_HOSTS  a known_hosts file with that host's key
  BLOG_DEPLOY_TIMEOUT_MS   for one deploy                                      default 120000
  BLOG_API_TIMEOUT_MS    for one call                                        default 10000
  AUDIT_FILE               where every call is recorded                        default below the state folder
  AUDIT_HEAD_FILE          where the audit chain's head is kept; better on another disk
                                                                               default AUDIT_FILE.head
  AUDIT_KEY                32 bytes or more, hex or base64                     default made on the first start

To serve remote clients, AUDIT_FILE and AUDIT_KEY are required, and:
  MCP_PUBLIC_URL           this server as its clients know it, ending in /mcp  required with OAUTH_ISSUER
  OAUTH_ISSUER             the identity provider whose access tokens count     required but on loopback
  OAUTH_AUDIENCE           what a token's aud has to be                        default MCP_PUBLIC_URL
  MCP_ALLOWED_HOSTS        names that it goes by, between commas               default MCP_PUBLIC_URL's
  MCP_ALLOWED_ORIGINS      pages that may call it, between commas              default MCP_PUBLIC_URL's
  MCP_STATE_KEY            32 bytes or more; the same in all replicas          with MCP_STORE_URL
  MCP_STORE_URL            rediss://…: the store that all replicas share       default this process's memory

  LOG_LEVEL                fatal error warn info debug trace silent            default info
`

/** What is asked of the program. */
export type Command = { does: 'help' | 'version' | 'stdio' | 'check' } | ({ does: 'http' } & Address)

export interface Address {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError'
}

const ADDRESS = { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '8080' } } as const

/** Reads the arguments behind the program's name. @throws {UsageError} */
export function parseCommand([command, ...args]: readonly string[]): Command {
  if (command === 'http') return { does: 'http', ...parseAddress(args) }
  if (command === '--help' || command === '-h') return { does: 'help' }
  if (command === '--version' || command === '-v') return { does: 'version' }
  if (args.length === 0 && command === undefined) return { does: 'stdio' }
  if (args.length === 0 && command === 'check') return { does: 'check' }
  throw new UsageError(`unknown command: ${[command, ...args].join(' ')}`)
}

function parseAddress(args: string[]): Address {
  let values: { host: string; port: string }
  try {
    values = parseArgs({ args, options: ADDRESS }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  const { host } = values
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN
  if (!(port <= 65_535)) throw new UsageError('--port takes a number from 0 to 65535')
  if (!/^[A-Za-z0-9.:-]+$/.test(host)) throw new UsageError('--host takes a name or an address')
  return { host, port }
}
