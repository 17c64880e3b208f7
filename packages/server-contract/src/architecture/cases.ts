import { describe, expect, it } from 'vitest'
import { readSources } from '../repository.ts'
import type { Source } from '../source-text.ts'
import type { Rule } from './rule.ts'

/** A rule with examples. An example is one file, or several where the rule is about several. */
export interface Case {
  readonly title: string
  readonly rule: Rule
  /** Each breaks the rule. */
  readonly broken: readonly (Source | readonly Source[])[]
  /** Each keeps the rule, though some look as if they did not. */
  readonly kept: readonly (Source | readonly Source[])[]
}

/** Folders for examples. */
export const DESK = 'servers/desk/src'
export const COPY = `${DESK}/vendored`
export const KIT = 'packages/server-kit/src'
export const GUARDRAILS = 'packages/guardrails/src'

export function file(path: string, ...lines: string[]): Source {
  return { path, text: `${lines.join('\n')}\n` }
}

/** Checks each rule on the repository, and on its examples: a rule that everything keeps would check nothing. */
export function describeRules(subject: string, cases: readonly Case[]): void {
  const sources = readSources()
  describe(subject, () => {
    it.each(cases.map(({ title, rule }) => [title, rule] as const))('%s', (_, rule) => {
      expect(rule(sources)).toEqual([])
    })
  })
  describe(`the rules for ${subject}`, () => {
    it.each(cases.map(({ title, ...rest }) => [title.replace(/^\[.*\] /, ''), rest] as const))(
      'find what breaks them, and nothing else: %s',
      (_, { rule, broken, kept }) => {
        expect(broken).not.toEqual([])
        expect(kept).not.toEqual([])
        for (const example of broken) expect(rule([example].flat()), textOf(example)).not.toEqual([])
        for (const example of kept) expect(rule([example].flat()), textOf(example)).toEqual([])
      },
    )
  })
}

function textOf(example: Source | readonly Source[]): string {
  return [example]
    .flat()
    .map(({ path, text }) => `${path}: ${text.slice(0, 200)}`)
    .join('')
}
