import type { Finding } from '../finding.ts'
import type { Surface } from '../surface.ts'

/** What other servers, which a client has beside this one, show. */
export interface Neighbour {
  readonly server: string
  readonly tools: readonly { readonly name: string; readonly description: string }[]
}

/** Judges a surface by what it says, without calling anything. */
export type Rule = (surface: Surface, neighbours: readonly Neighbour[]) => Finding[]
