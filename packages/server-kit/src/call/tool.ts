import * as z from 'zod'
import type { Effect, FieldPolicy, ToolPolicy } from '#guardrails/audit'

declare module 'zod' {
  interface GlobalMeta {
    /** How the audit log writes a field: a pseudonym unless it says otherwise. Never published with a schema. */
    audit?: 'clear' | 'pseudonym' | 'drop'
  }
}

/** What a handler passes on to a port, so that the backend's request belongs to the call. */
export interface CallContext {
  /** Aborts if the call is cancelled. The adapter adds the deadline. */
  readonly signal: AbortSignal
  /** Names this call to the backend. */
  readonly callId: string
  /** Names the caller, so that a repeated request of one caller is recognised. */
  readonly callerId: string
  readonly traceparent: string
}

/** What a tool may be told to do. `Subject` is what its guard makes of its input. */
export interface ToolDefinition<I extends z.ZodObject, O extends z.ZodObject, Ports, Subject> {
  readonly name: string
  readonly title: string
  /** For the model: what the tool does, in a sentence or two. */
  readonly summary: string
  /** For a reviewer: the worst that a fully deceived model can do with it, and how to undo that. */
  readonly worstCase: string
  readonly effect: Effect
  /** The OAuth scope that a remote caller needs. */
  readonly scope: string
  readonly input: I
  readonly output: O
  /** Turns names into the things that they name, once. Reads nothing but what they name. */
  guard(input: z.infer<I>, ports: Ports): Subject
  handler(subject: Subject, ports: Ports, call: CallContext): Promise<z.infer<O>>
}

/** A tool that changes nothing. */
export type ReadDefinition<I extends z.ZodObject, O extends z.ZodObject, Ports, Subject> = ToolDefinition<
  I,
  O,
  Ports,
  Subject
> & { readonly effect: 'read' }

/** A tool as the rest of the server sees it. */
export interface Tool<Ports> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly worstCase: string
  readonly effect: Effect
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
  handler(subject: unknown, ports: Ports, call: CallContext): Promise<unknown>
}

/** A tool that changes nothing. */
export type ReadTool<Ports> = Tool<Ports> & { readonly effect: 'read' }

/**
 * Defines a tool that reads. A tool that writes does not compile here: see `#call/writes`, which a server that only
 * reads does not have.
 */
export function defineTool<Ports>() {
  return <I extends z.ZodObject, O extends z.ZodObject, Subject>(
    definition: ReadDefinition<I, O, Ports, Subject>,
  ): ReadTool<Ports> => ({ ...describeTool(definition, definition.summary), effect: 'read' })
}

/** Derives everything that is published about a tool from its one definition: no hint is written by hand. */
export function describeTool<I extends z.ZodObject, O extends z.ZodObject, Ports, Subject>(
  definition: ToolDefinition<I, O, Ports, Subject>,
  description: string,
): Tool<Ports> {
  const { name, title, worstCase, effect, scope, input, output } = definition
  return {
    name,
    title,
    description,
    worstCase,
    effect,
    scope,
    annotations: {
      readOnlyHint: effect === 'read',
      destructiveHint: effect === 'irreversible',
      idempotentHint: effect === 'read',
      openWorldHint: false,
    },
    inputSchema: published(input, 'input'),
    outputSchema: published(output, 'output'),
    // Arguments may be anything. A result is recorded only as parseOutput gave it, so its fields are already checked.
    audit: { effect, args: policyOf(input, 'unchecked'), result: policyOf(output, 'checked') },
    parse: args => input.safeParse(args),
    parseOutput: value => output.parse(value),
    guard: (value, ports) => definition.guard(value as z.infer<I>, ports),
    handler: (subject, ports, call) => definition.handler(subject as Subject, ports, call),
  }
}

/** The JSON Schema that clients see, without the audit policies. */
function published(schema: z.ZodObject, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      delete jsonSchema.audit
      // The format says it in a word. The pattern behind it costs a model some hundred tokens, and is checked here anyway.
      if (jsonSchema.format) delete jsonSchema.pattern
    },
  })
  return json
}

/** The audit policy that is declared beside each field of a schema. */
function policyOf(schema: z.core.$ZodType, values: 'checked' | 'unchecked'): FieldPolicy {
  const declared = z.globalRegistry.get(schema)?.audit
  // Written in clear only if the value is what the schema allows: anything could have been given in its place.
  if (declared === 'clear' && values === 'unchecked') return value => z.safeParse(schema, value).success
  if (declared) return declared
  if (schema instanceof z.ZodObject)
    return Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, policyOf(field, values)]))
  if (schema instanceof z.ZodArray) return [policyOf(schema.element, values)]
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return policyOf(schema.unwrap(), values)
  return 'pseudonym'
}
