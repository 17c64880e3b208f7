import type { Finding } from '../finding.ts'
import { plain } from '../plain-text.ts'
import type { Surface, Tool } from '../surface.ts'
import { type Text, textsOf } from './texts.ts'

/** What other servers, which a client has beside this one, show. */
export interface Neighbour {
  readonly server: string
  readonly tools: readonly { readonly name: string; readonly description: string }[]
}

/** Judges a surface by what it says, without calling anything. */
export type Rule<Code extends string = string> = (
  surface: Surface,
  neighbours: readonly Neighbour[],
) => (Finding & { readonly code: Code })[]

/** Judges each tool by itself. */
export function ofEachTool<Code extends string>(
  judge: (tool: Tool, say: (code: Code, message: string, field?: string) => void, surface: Surface) => void,
): Rule<Code> {
  return surface =>
    surface.tools.flatMap(tool => {
      const said = new Map<string, Finding & { code: Code }>()
      // A field that stands in two options of a union is still one field.
      judge(
        tool,
        (code, message, field) =>
          void said.set(`${code} ${field}`, {
            code,
            tool: plain(tool.name, 80),
            ...(field !== undefined && { field: plain(field, 120) }),
            message,
          }),
        surface,
      )
      return [...said.values()]
    })
}

/** Text of a server's inside a sentence of ours. */
export function quoted(text: unknown, max = 100): string {
  return `“${plain(text, max)}”`
}

type JudgeText<Code extends string> = (text: string, say: (code: Code, message: string) => void, at: Text) => void

/** Judges each text that the server shows, wherever it stands. `prepare` is called once for all of them. */
export function ofEachText<Code extends string>(
  prepare: (surface: Surface, neighbours: readonly Neighbour[]) => JudgeText<Code>,
): Rule<Code> {
  return (surface, neighbours) => {
    const judge = prepare(surface, neighbours)
    const found = new Map<string, Finding & { code: Code }>()
    for (const at of textsOf(surface))
      judge(
        at.text,
        (code, message) => {
          const key = `${code} ${at.tool} ${at.where}`
          if (found.has(key)) return
          found.set(key, {
            code,
            ...(at.tool !== undefined && { tool: plain(at.tool, 80) }),
            ...(at.field !== undefined && { field: plain(at.field, 120) }),
            message: `${plain(at.where, 120)}: ${message}`,
          })
        },
        at,
      )
    return [...found.values()]
  }
}
