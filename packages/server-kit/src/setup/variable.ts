import type * as z from 'zod'

/** One environment variable. `--help`, the README and the reader of settings are all made from this declaration. */
export interface Variable<T = unknown> {
  readonly name: string
  /** What it means, in a line. */
  readonly about: string
  /** Makes the value of the text that is given. Its messages complete the sentence “NAME …”. */
  readonly form: z.ZodType<T>
  /** The value that holds while it is unset, written as it would be given. */
  readonly default?: string
  /** For people: what holds while it is unset. Neither this nor a default means that it is required. */
  readonly unset?: string
}

/** A variable whose value is never shown. It can also be given as `NAME_FILE`, the name of a file that holds it. */
export interface SecretVariable {
  readonly name: string
  readonly about: string
  /** For people: what holds while it is unset. Undefined: it is required. */
  readonly unset?: string
}

/** The variables that a configuration is read from, under the names that the program has for their values. */
export type VariablesOf<Config> = { readonly [K in keyof Config]: Variable<Config[K]> }

export function required<T>(name: string, about: string, form: z.ZodType<T>): Variable<T> {
  return { name, about, form }
}

/** @param value the default, written as it would be given: it goes through `form` as well */
export function withDefault<T>(name: string, about: string, form: z.ZodType<T>, value: string): Variable<T> {
  return { name, about, form, default: value }
}

/** @param unset for people: what holds while it is unset */
export function optional<T>(name: string, about: string, form: z.ZodType<T>, unset: string): Variable<T | undefined> {
  return { name, about, form, unset }
}

/** @param unset for people: what holds while it is unset. Left out: the secret is required */
export function secret(name: string, about: string, unset?: string): SecretVariable {
  return { name, about, ...(unset !== undefined && { unset }) }
}
