import type * as z from 'zod'
import { describeTool, type Tool, type ToolDefinition } from '../tool.ts'

const WARNING = 'WARNING: this is a write operation. Confirm with the user before calling, every single time.'

/** The question to the human, which says exactly what will happen. */
interface Question<Subject> {
  confirm(subject: Subject): string
  /** What the question stands for besides the arguments: if it changes, the answer is void. */
  digest?(subject: Subject): string
}

/** A tool that changes something. One whose effect is irreversible has to say what it asks the human. */
export type WriteDefinition<I extends z.ZodObject, O extends z.ZodObject, Ports, Subject> = ToolDefinition<
  I,
  O,
  Ports,
  Subject
> &
  (
    | ({ readonly effect: 'irreversible' } & Question<Subject>)
    | ({ readonly effect: 'reversible' } & Partial<Question<Subject>>)
  )

/** A tool that can ask the human before it acts. */
export interface WriteTool<Ports> extends Tool<Ports> {
  /** Undefined if it asks nothing. */
  readonly confirm: ((subject: unknown) => string) | undefined
  digest(subject: unknown): string
}

/** Defines a tool that writes. Its description ends with a warning that a model reads. */
export function defineWriteTool<Ports>() {
  return <I extends z.ZodObject, O extends z.ZodObject, Subject>(
    definition: WriteDefinition<I, O, Ports, Subject>,
  ): WriteTool<Ports> => {
    const { summary, confirm, digest } = definition
    return {
      ...describeTool(definition, `${summary} ${WARNING}`),
      confirm: confirm && (subject => confirm(subject as Subject)),
      digest: subject => digest?.(subject as Subject) ?? '',
    }
  }
}

/** Whether a tool was made by `defineWriteTool`. */
export function isWriteTool<Ports>(tool: Tool<Ports>): tool is WriteTool<Ports> {
  return 'confirm' in tool
}
