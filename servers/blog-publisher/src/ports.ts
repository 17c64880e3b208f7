import type { CallContext } from '#call'
import type { DraftsFolder } from '#guardrails/path-guard'
import type { Article } from './drafts/article.ts'

/** The few operations that the tools need. Each throws a `CodedError`. */
export interface BlogBackend {
  /**
   * Publishes an article. Never changes a live post: the same bytes again return `alreadyPublished`, and other bytes
   * under a live slug are refused.
   */
  publish(article: Article, call: CallContext): Promise<{ url: string; alreadyPublished: boolean }>
  /** Returns the identity and the scopes of this server’s credential. */
  whoami(call: CallContext): Promise<{ name: string; scopes: string[] }>
}

/** Runs the one deploy command, which takes no arguments. */
export interface Deployer {
  /** `user@host:port`, for display. */
  readonly target: string
  /** Resolves to the end of the command’s output if it succeeded. Throws a `CodedError`. */
  deploy(call: CallContext): Promise<string>
}

/** What the tools may reach. */
export interface Ports {
  readonly drafts: DraftsFolder
  readonly blog: BlogBackend
  /** Undefined if deploying is not configured. */
  readonly deployer?: Deployer
}
