import * as z from 'zod'
import { type DraftsRootError, openDraftsFolder } from '#guardrails/path-guard'
import {
  AbsolutePath,
  backendVariables,
  type ConfigOf,
  defineSettings,
  milliseconds,
  optional,
  required,
  secret,
  together,
  withDefault,
} from '#setup'

const DraftsDir = z.string().transform((path, context) => {
  try {
    return openDraftsFolder(path)
  } catch (error) {
    context.addIssue((error as DraftsRootError).message)
    return z.NEVER
  }
})

/** The path becomes part of an ssh option, where a quotation mark would end the value. */
const SshPath = AbsolutePath.refine(path => !/["\p{Cc}]/u.test(path), 'must not hold a quotation mark')

/** Neither the user nor the host can begin with a hyphen, so ssh cannot take them for options. */
const TARGET = /^([a-z_][a-z0-9_-]{0,31})@([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9a-f:]+\]):(\d{1,5})$/

const DeployTarget = z
  .string()
  .refine(target => isPort(TARGET.exec(target)?.[3]), 'must be user@host:port')
  .transform(target => {
    const [, user = '', host = '', port = ''] = TARGET.exec(target) ?? []
    return { user, host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  })

export const settings = defineSettings(
  {
    ...backendVariables('BLOG', 'blog', ['rest']),
    drafts: required('BLOG_DRAFTS_DIR', 'the folder of drafts, an absolute path', DraftsDir),
    confirm: withDefault(
      'BLOG_CONFIRM',
      'required: the client asks the user; description: the tool’s description tells the model to ask',
      z.enum(['required', 'description']),
      'required',
    ),
    deployTarget: optional(
      'BLOG_DEPLOY_SSH',
      'user@host:port of the deploy host; goes with the next two',
      DeployTarget,
      'without it, there is no deployBlog tool',
    ),
    deployKeyFile: optional(
      'BLOG_DEPLOY_KEY_FILE',
      'a private key that is locked to one command on that host',
      SshPath,
      'without it, there is no deployBlog tool',
    ),
    deployKnownHosts: optional(
      'BLOG_DEPLOY_KNOWN_HOSTS',
      'a known_hosts file with that host’s key',
      SshPath,
      'without it, there is no deployBlog tool',
    ),
    deployTimeoutMs: withDefault(
      'BLOG_DEPLOY_TIMEOUT_MS',
      'milliseconds for one deploy',
      milliseconds(1000, 3_600_000),
      '120000',
    ),
  },
  together('BLOG_DEPLOY_SSH', 'BLOG_DEPLOY_KEY_FILE', 'BLOG_DEPLOY_KNOWN_HOSTS'),
)

export const apiKey = secret('BLOG_API_KEY', 'the API key')

export type Config = ConfigOf<typeof settings>

/** Where the deploy command runs, and with which key. */
export interface Deploy {
  readonly user: string
  readonly host: string
  readonly port: number
  readonly keyFile: string
  readonly knownHostsFile: string
  /** Milliseconds for the whole run. */
  readonly timeoutMs: number
}

/** Undefined if deploying is not configured. */
export function deployOf(config: Config): Deploy | undefined {
  const { deployTarget: target, deployKeyFile: keyFile, deployKnownHosts: knownHostsFile, deployTimeoutMs } = config
  return target && keyFile && knownHostsFile
    ? { ...target, keyFile, knownHostsFile, timeoutMs: deployTimeoutMs }
    : undefined
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && Number(text) >= 1 && Number(text) <= 65_535
}
