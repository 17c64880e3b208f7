import { isObject, type JsonObject, type Tool } from '../surface.ts'
import { type Attempt, attempt } from './attempt.ts'
import type { ProbeContext } from './probe.ts'
import { argumentsFor } from './samples.ts'

/** A call that should succeed. Probes change one thing of it. */
export interface Baseline {
  readonly tool: Tool
  readonly args: JsonObject
  /** The outcome of the unmodified call, without its result, which may be large. */
  readonly attempt: Omit<Attempt, 'structured'>
}

const cache = new WeakMap<ProbeContext, Promise<readonly Baseline[]>>()

/** The best known call of each callable tool. It is determined once per examination. */
export function baselinesOf(context: ProbeContext): Promise<readonly Baseline[]> {
  const known = cache.get(context)
  if (known) return known
  const found = find(context)
  cache.set(context, found)
  return found
}

/** Whether the unmodified call succeeds, so that a refusal of a modified call is due to the change. */
export function works({ attempt: { outcome } }: Baseline): boolean {
  return outcome === 'done' || outcome === 'asked'
}

/** Runs two rounds, because results of one tool (ids, file names) may be valid arguments of another. */
async function find(context: ProbeContext): Promise<readonly Baseline[]> {
  const best = new Map<string, Baseline>()
  const known = new Map<string, string[]>()
  for (const round of [1, 2])
    for (const tool of context.callable) {
      const before = best.get(tool.name)
      if (context.shouldStop() || (before && works(before))) continue
      for (const args of candidates(context, tool, known)) {
        if (round === 2 && before && JSON.stringify(before.args) === JSON.stringify(args)) continue
        const { structured, ...ended } = await attempt(context, tool.name, args)
        const baseline = { tool, args, attempt: ended }
        collect(known, structured)
        if (!best.has(tool.name) || works(baseline)) best.set(tool.name, baseline)
        if (works(baseline)) break
      }
    }
  return [...best.values()]
}

function candidates({ examples }: ProbeContext, tool: Tool, known: ReadonlyMap<string, string[]>): JsonObject[] {
  const example = Object.hasOwn(examples, tool.name) ? examples[tool.name] : undefined
  const made = [example, argumentsFor(tool, known, 'all'), argumentsFor(tool, known, 'required')]
  const distinct = new Map(made.filter(args => args !== undefined).map(args => [JSON.stringify(args), args]))
  return [...distinct.values()]
}

/** Collects the strings of a result by field name. */
function collect(known: Map<string, string[]>, value: unknown, depth = 0): void {
  if (depth > 8) return
  if (Array.isArray(value)) for (const each of value.slice(0, 5)) collect(known, each, depth + 1)
  if (!isObject(value)) return
  for (const [name, inner] of Object.entries(value).slice(0, 100)) {
    const key = name.toLowerCase()
    const values = known.get(key) ?? []
    if (typeof inner === 'string' && inner.length <= 300 && values.length < 5) known.set(key, [...values, inner])
    else collect(known, inner, depth + 1)
  }
}
