import type { ApiName } from '@narrow-deputies/demo-stack'

/**
 * What the contract needs to know about a server. The contract generates all hostile input from this description, so a
 * new server does not have to write any.
 */
export interface ServerSubject {
  /** The name of the server, as in its audit log. */
  readonly name: string
  /** The absolute path of the built `dist/main.mjs`. */
  readonly entry: string
  /** The prefix of its environment variables: `BLOG` in `BLOG_API_URL`. */
  readonly prefix: string
  /** The API of the demo backend that it uses. */
  readonly api: ApiName
  /** Every endpoint that it may request, as `METHOD /path/{template}`. */
  readonly endpoints: readonly string[]
  /** The scopes that its API key needs. */
  readonly scopes: readonly string[]
  /** A scope of the API that its key must not have. */
  readonly surplusScope: string
  /**
   * The variables that it requires and other servers do not have.
   *
   * @param folder an empty folder for its files
   */
  readonly settings?: (folder: string) => Record<string, string>
  /** The settings under which every write asks for confirmation. Undefined if the server has no writes. */
  readonly confirmationOn?: Readonly<Record<string, string>>
  /** The settings under which no write asks for confirmation. Undefined if the server has no writes. */
  readonly confirmationOff?: Readonly<Record<string, string>>
  /** For each of its own variables, values that it must reject. */
  readonly malformed?: Readonly<Record<string, readonly string[]>>
  /** Its tools, in the order of `tools/list`. */
  readonly tools: readonly ToolSubject[]
}

export interface ToolSubject {
  readonly name: string
  /** An irreversible write asks for confirmation by default. */
  readonly effect: 'read' | 'reversible' | 'irreversible'
  /** The scope that a remote caller's token needs. */
  readonly scope: string
  /** All arguments. */
  readonly fields: Readonly<Record<string, Field>>
  /** The one of `endpoints` that a call requests. Undefined if a call requests none. */
  readonly endpoint?: string
  /** Valid arguments with every field set. Values that can be used only once are new in each call. */
  valid(fresh: Fresh): Record<string, unknown>
}

export interface Fresh {
  /** The server's folder, as for `settings`. */
  readonly folder: string
  /** A different number in each call. */
  readonly n: number
}

export interface Field {
  /**
   * `id`: the id of a record, which becomes part of a URL path. `filename`: the name of a draft. `text`: free text, in
   * which only deceptive characters are rejected. `choice`: one of a few words.
   */
  readonly kind: 'id' | 'filename' | 'email' | 'text' | 'choice'
  /** The maximum number of characters. Undefined for a choice. */
  readonly max?: number
  /** The minimum number of characters, if it is more than one. */
  readonly min?: number
  /** Whether a text must not contain line breaks. */
  readonly oneLine?: boolean
  readonly optional?: boolean
}

/** A tool that sends a request to the backend. */
export type ReachingTool = ToolSubject & { readonly endpoint: string }

export function reachingTools({ tools }: ServerSubject): ReachingTool[] {
  return tools.filter((tool): tool is ReachingTool => tool.endpoint !== undefined)
}

export function writeTools({ tools }: ServerSubject): ToolSubject[] {
  return tools.filter(({ effect }) => effect !== 'read')
}
