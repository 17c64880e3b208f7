import type { CallContext } from '#call'
import type { DraftsFolder } from '#guardrails/path-guard'
import type { Article } from './drafts/article.ts'

/** The few operations that the tools need. Each throws a `CodedError`. */
export interface BlogBackend {
  /**
   * Makes a live post of an article. Never changes one that is live: the same bytes again are `alreadyPublished`, other
   * bytes under a live slug are refused.
   */
  publish(article: Article, call: CallContext): Promise<{ url: string; alreadyPublished: boolean }>
  /** Who the backend takes this server for, and what that one may do. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}

/** One command on one machine, known beforehand to the last argument. */
export interface Deployer {
  /** For people: `user@host:port`. */
  readonly target: string
  /** Resolves, if the command ended well, to the end of what it printed. Throws a `CodedError`. */
  deploy(call: CallContext): Promise<string>
}

/** What the tools may reach. */
export interface Ports {
  readonly drafts: DraftsFolder
  readonly blog: BlogBackend
  /** Only if the operator configured it. */
  readonly deployer?: Deployer
}
