import type { ApiName } from '@narrow-deputies/demo-stack'

/**
 * What the contract has to know of a server: what it is, how it is set up, and what each of its tools takes. All that
 * is hostile is made from this; a new server writes none of it.
 */
export interface ServerSubject {
  /** As it names itself in the audit log. */
  readonly name: string
  /** Absolute path of the built `dist/main.mjs`. */
  readonly entry: string
  /** The `BLOG` of `BLOG_API_URL`. */
  readonly prefix: string
  /** Which API of the embedded backend stands behind it. */
  readonly api: ApiName
  /** All that it may ever send there: `METHOD /path/{template}`. */
  readonly endpoints: readonly string[]
  /** What its key needs. */
  readonly scopes: readonly string[]
  /** One of the API's scopes that its key must not have. */
  readonly surplusScope: string
  /**
   * Variables that it needs besides the ones that every server has.
   *
   * @param folder an empty folder of the subject's own
   */
  readonly settings?: (folder: string) => Record<string, string>
  /** Settings under which every write asks the human. Left out by a server that has no writes. */
  readonly asking?: Readonly<Record<string, string>>
  /** Settings under which nobody is asked anything. Left out by a server that has no writes. */
  readonly unasked?: Readonly<Record<string, string>>
  /** For each variable of its own, values that must be refused. */
  readonly malformed?: Readonly<Record<string, readonly string[]>>
  /** In the order in which they are listed. */
  readonly tools: readonly ToolSubject[]
}

export interface ToolSubject {
  readonly name: string
  /** An irreversible one asks the human under the settings above already. */
  readonly effect: 'read' | 'reversible' | 'irreversible'
  /** What a remote caller's token needs. */
  readonly scope: string
  /** Every argument. */
  readonly fields: Readonly<Record<string, Field>>
  /** The one of `endpoints` that a call ends at; left out if it ends at none. */
  readonly endpoint?: string
  /** Arguments that work, every field given; what may be used once only is made anew. */
  valid(fresh: Fresh): Record<string, unknown>
}

export interface Fresh {
  /** The subject's own folder, as for `settings`. */
  readonly folder: string
  /** Another one for each call. */
  readonly n: number
}

export interface Field {
  /**
   * `id`: of a record, becomes part of a URL's path. `filename`: of a draft. `text`: whatever people write, so that
   * only what deceives is refused. `choice`: one of few words.
   */
  readonly kind: 'id' | 'filename' | 'email' | 'text' | 'choice'
  /** The most characters that it may have; a choice has no need of it. */
  readonly max?: number
  /** The fewest, if that is more than one. */
  readonly min?: number
  /** Whether a text has to stand on one line. */
  readonly oneLine?: boolean
  readonly optional?: boolean
}

/** A tool whose calls end at the backend. */
export type ReachingTool = ToolSubject & { readonly endpoint: string }

export function reachingTools({ tools }: ServerSubject): ReachingTool[] {
  return tools.filter((tool): tool is ReachingTool => tool.endpoint !== undefined)
}

export function writeTools({ tools }: ServerSubject): ToolSubject[] {
  return tools.filter(({ effect }) => effect !== 'read')
}
