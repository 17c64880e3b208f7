import type * as z from 'zod'
import { holdsPlaceholder, PLACEHOLDER_PROBLEM } from './placeholder.ts'
import type { Variable, VariablesOf } from './variable.ts'

/** The environment without its empty variables: an empty one is unset, which is how many clients write “no value”. */
export type Given = Readonly<Record<string, string>>

/** What is well-formed by itself, but not together: returns a line for each problem. */
export type Rule = (given: Given) => string[]

/** What an operator can tell a server, apart from secrets. */
export interface Settings<Config> {
  readonly variables: VariablesOf<Config>
  readonly rules: readonly Rule[]
}

export type ConfigOf<S> = S extends Settings<infer Config> ? Config : never

/** Everything that is wrong with the configuration, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export function defineSettings<Config>(variables: VariablesOf<Config>, ...rules: Rule[]): Settings<Config> {
  return { variables, rules }
}

/** Variables that are of use only together. */
export function together(...names: readonly string[]): Rule {
  const all = names.length === 2 ? 'both or neither' : 'all or none'
  return given => {
    const present = names.filter(name => given[name] !== undefined)
    return present.length === 0 || present.length === names.length
      ? []
      : [`${names.slice(0, -1).join(', ')} and ${names.at(-1)} go together: give ${all}`]
  }
}

export function givenBy(environment: NodeJS.ProcessEnv): Given {
  const present = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  )
  return Object.fromEntries(present)
}

/** @throws {ConfigError} with every problem there is */
export function readSettings<Config>({ variables, rules }: Settings<Config>, given: Given): Config {
  const problems = new Set<string>()
  const values = Object.entries<Variable>(variables).map(([key, variable]) => {
    const read = readVariable(variable, given[variable.name])
    for (const problem of read.problems) problems.add(`${variable.name} ${problem}`)
    return [key, read.value]
  })
  for (const rule of rules) for (const problem of rule(given)) problems.add(problem)
  if (problems.size > 0) throw new ConfigError([...problems].join('\n'))
  return Object.freeze(Object.fromEntries(values)) as Config
}

function readVariable(variable: Variable, text = variable.default): { value?: unknown; problems: string[] } {
  if (text === undefined) return { problems: variable.unset === undefined ? ['is required'] : [] }
  if (holdsPlaceholder(text)) return { problems: [PLACEHOLDER_PROBLEM] }
  const parsed = variable.form.safeParse(text)
  return parsed.success ? { value: parsed.data, problems: [] } : { problems: parsed.error.issues.map(problemOf) }
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of: ${issue.values.join(', ')}`
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid')) return `must be a ${issue.expected}`
  return issue.message
}
