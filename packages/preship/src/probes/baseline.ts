import { isObject, type JsonObject, type Tool } from '../surface.ts'
import { type Attempt, attempt } from './attempt.ts'
import type { Probing } from './probe.ts'
import { argumentsFor } from './samples.ts'

/** A call that should work: what probes spoil one thing of. */
export interface Baseline {
  readonly tool: Tool
  readonly args: JsonObject
  /** How the call ended when nothing was spoiled, without what it returned, which may be much. */
  readonly attempt: Omit<Attempt, 'structured'>
}

const kept = new WeakMap<Probing, Promise<readonly Baseline[]>>()

/** The best call that is known for each tool that may be called; looked for once. */
export function baselinesOf(probing: Probing): Promise<readonly Baseline[]> {
  const known = kept.get(probing)
  if (known) return known
  const found = find(probing)
  kept.set(probing, found)
  return found
}

/** Whether nothing but its arguments speaks against the call: then a refusal is one of what was spoiled. */
export function works({ attempt: { outcome } }: Baseline): boolean {
  return outcome === 'done' || outcome === 'asked'
}

/** Twice over: what one tool answers (ids, names of files) is what another one wants to hear. */
async function find(probing: Probing): Promise<readonly Baseline[]> {
  const best = new Map<string, Baseline>()
  const known = new Map<string, string[]>()
  for (const round of [1, 2])
    for (const tool of probing.callable) {
      const before = best.get(tool.name)
      if (probing.isLate() || (before && works(before))) continue
      for (const args of candidates(probing, tool, known)) {
        if (round === 2 && before && JSON.stringify(before.args) === JSON.stringify(args)) continue
        const { structured, ...ended } = await attempt(probing, tool.name, args)
        const baseline = { tool, args, attempt: ended }
        learn(known, structured)
        if (!best.has(tool.name) || works(baseline)) best.set(tool.name, baseline)
        if (works(baseline)) break
      }
    }
  return [...best.values()]
}

function candidates({ examples }: Probing, tool: Tool, known: ReadonlyMap<string, string[]>): JsonObject[] {
  const example = Object.hasOwn(examples, tool.name) ? examples[tool.name] : undefined
  const made = [example, argumentsFor(tool, known, 'all'), argumentsFor(tool, known, 'required')]
  const distinct = new Map(made.filter(args => args !== undefined).map(args => [JSON.stringify(args), args]))
  return [...distinct.values()]
}

/** Notes the texts of a result by the names of their fields. */
function learn(known: Map<string, string[]>, value: unknown, depth = 0): void {
  if (depth > 8) return
  if (Array.isArray(value)) for (const each of value.slice(0, 5)) learn(known, each, depth + 1)
  if (!isObject(value)) return
  for (const [name, inner] of Object.entries(value).slice(0, 100)) {
    const key = name.toLowerCase()
    const values = known.get(key) ?? []
    if (typeof inner === 'string' && inner.length <= 300 && values.length < 5) known.set(key, [...values, inner])
    else learn(known, inner, depth + 1)
  }
}
