// Copied on purpose: a fault here must stay here.
import type { FieldPolicy, ToolPolicy } from '@narrow-deputies/guardrails/audit'
import * as z from 'zod'
import type { BackendCall } from './backend.ts'

/** What a tool may be told to do, and the worst that can come of it. `Subject` is what its guard makes of its input. */
export interface ToolDefinition<I extends z.ZodObject, O extends z.ZodObject, Ports, Subject> {
  readonly name: string
  readonly title: string
  /** For the model: what it does, in a sentence or two. */
  readonly summary: string
  /** For a reviewer: the worst that a perfectly deceived model can do with it, and how that is undone. */
  readonly worstCase: string
  /** Reading is all that there is here: a tool that writes does not compile. */
  readonly effect: 'read'
  /** The OAuth scope that a remote caller needs for it. */
  readonly scope: string
  readonly input: I
  readonly output: O
  /** Turns names into the things that they name, once. Reads nothing but what it names. */
  guard(input: z.infer<I>, ports: Ports): Subject
  handler(subject: Subject, ports: Ports, call: BackendCall): Promise<z.infer<O>>
}

/** A tool as the rest of the server sees it. */
export interface Tool<Ports> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly worstCase: string
  readonly effect: 'read'
  readonly scope: string
  readonly annotations: Readonly<
    Record<'readOnlyHint' | 'destructiveHint' | 'idempotentHint' | 'openWorldHint', boolean>
  >
  readonly inputSchema: Record<string, unknown>
  readonly outputSchema: Record<string, unknown>
  readonly audit: ToolPolicy
  parse(args: unknown): z.ZodSafeParseResult<unknown>
  /** Throws if a handler's result breaks the published schema. */
  parseOutput(output: unknown): Record<string, unknown>
  guard(input: unknown, ports: Ports): unknown
  handler(subject: unknown, ports: Ports, call: BackendCall): Promise<unknown>
}

/** Everything that is published about a tool is derived here from its one definition: no hint is written by hand. */
export function defineTool<Ports>() {
  return <I extends z.ZodObject, O extends z.ZodObject, Subject>(
    definition: ToolDefinition<I, O, Ports, Subject>,
  ): Tool<Ports> => {
    const { name, title, summary, worstCase, effect, scope, input, output } = definition
    return {
      name,
      title,
      description: summary,
      worstCase,
      effect,
      scope,
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      inputSchema: published(input, 'input'),
      outputSchema: published(output, 'output'),
      // Arguments may be anything; a result is on record only as parseOutput gave it, so its fields need no second look.
      audit: { effect, args: policyOf(input, 'unchecked'), result: policyOf(output, 'checked') },
      parse: args => input.safeParse(args),
      parseOutput: value => output.parse(value),
      guard: (value, ports) => definition.guard(value as z.infer<I>, ports),
      handler: (subject, ports, call) => definition.handler(subject as Subject, ports, call),
    }
  }
}

/** The JSON Schema that clients see; what is for the audit log alone stays out of it. */
function published(schema: z.ZodObject, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      delete jsonSchema.audit
      // A format says it in a word; the pattern behind it costs a model some hundred tokens and is checked here anyway.
      if (jsonSchema.format) delete jsonSchema.pattern
    },
  })
  return json
}

/** The audit policy that stands beside each field of a schema. */
function policyOf(schema: z.core.$ZodType, values: 'checked' | 'unchecked'): FieldPolicy {
  const declared = z.globalRegistry.get(schema)?.audit
  // In clear if it is what the schema allows: anything else that stands in its place could be anything.
  if (declared === 'clear' && values === 'unchecked') return value => z.safeParse(schema, value).success
  if (declared) return declared
  if (schema instanceof z.ZodObject)
    return Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, policyOf(field, values)]))
  if (schema instanceof z.ZodArray) return [policyOf(schema.element, values)]
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return policyOf(schema.unwrap(), values)
  return 'pseudonym'
}
