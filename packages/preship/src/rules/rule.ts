import type { Finding } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import type { Surface, Tool } from '../surface.ts'
import { type Text, textsOf } from './texts.ts'

/** The tools of another server that the same client uses. */
export interface Neighbour {
  readonly server: string
  readonly tools: readonly { readonly name: string; readonly description: string }[]
}

/** Examines what a server presents, without calling a tool. */
export type Rule<Code extends string = string> = (
  surface: Surface,
  neighbours: readonly Neighbour[],
) => (Finding & { readonly code: Code })[]

/** Creates a rule that examines each tool separately. */
export function ofEachTool<Code extends string>(
  judge: (tool: Tool, say: (code: Code, message: string, field?: string) => void, surface: Surface) => void,
): Rule<Code> {
  return surface =>
    surface.tools.flatMap(tool => {
      const reported = new Map<string, Finding & { code: Code }>()
      // A field that occurs in two alternatives of a union is reported once.
      judge(
        tool,
        (code, message, field) =>
          void reported.set(`${code} ${field}`, {
            code,
            tool: sanitize(tool.name, 80),
            ...(field !== undefined && { field: sanitize(field, 120) }),
            message,
          }),
        surface,
      )
      return [...reported.values()]
    })
}

/** Quotes server text in a message. */
export function quoted(text: unknown, max = 100): string {
  return `“${sanitize(text, max)}”`
}

type JudgeText<Code extends string> = (text: string, say: (code: Code, message: string) => void, at: Text) => void

/** Creates a rule that examines each text that the server presents. `prepare` is called once per surface. */
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
            ...(at.tool !== undefined && { tool: sanitize(at.tool, 80) }),
            ...(at.field !== undefined && { field: sanitize(at.field, 120) }),
            message: `${sanitize(at.where, 120)}: ${message}`,
          })
        },
        at,
      )
    return [...found.values()]
  }
}
