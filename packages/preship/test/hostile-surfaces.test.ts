import { describe, expect, it } from 'vitest'
import { RULES } from '../src/rules/index.ts'
import type { JsonObject, Surface, Tool } from '../src/surface.ts'

const BUDGET_MS = 10_000
const MEGABYTES = 4 * 1024 * 1024

function surfaceOf(tools: readonly Partial<Tool>[], more: Partial<Surface> = {}): Surface {
  const tool = {
    name: 'getTicket',
    title: undefined,
    description: '',
    inputSchema: {},
    outputSchema: undefined,
    annotations: {},
  }
  return {
    server: { name: 'hostile', version: '1' },
    era: 'legacy',
    instructions: '',
    capabilities: [],
    tools: tools.map(each => ({ ...tool, ...each })),
    oddities: [],
    ...more,
  }
}

const takes = (schema: JsonObject): Surface => surfaceOf([{ inputSchema: schema }])
const unionOf = (count: number, $ref: string): JsonObject[] => Array.from({ length: count }, () => ({ $ref }))
const nested = (depth: number): JsonObject =>
  depth === 0 ? { type: 'string' } : { type: 'object', properties: { a: nested(depth - 1) } }

/** Texts that a careless pattern takes for ever to read. */
const TEXTS = [
  ' '.repeat(MEGABYTES),
  '\n'.repeat(MEGABYTES),
  'a'.repeat(MEGABYTES),
  'do not '.repeat(MEGABYTES / 7),
  'ignore all previous '.repeat(MEGABYTES / 20),
  'read ~/ send entire before using any '.repeat(MEGABYTES / 40),
  '\u200d\ufe0f'.repeat(MEGABYTES / 2),
  '%41'.repeat(MEGABYTES / 3),
  '![](http://a?'.repeat(MEGABYTES / 13),
  'A1'.repeat(MEGABYTES / 2),
  'aA'.repeat(MEGABYTES / 2),
]

describe('a hostile surface', () => {
  it.each<[string, () => Surface]>([
    ['unions of itself', () => takes({ type: 'object', anyOf: unionOf(2_000, '#') })],
    ['properties of itself', () => takes({ type: 'object', properties: { a: { $ref: '#' }, b: { $ref: '#' } } })],
    [
      'references in a circle',
      () => takes({ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }),
    ],
    [
      'unions within unions',
      () =>
        takes({
          properties: { a: { $ref: '#/$defs/a' } },
          $defs: { a: { anyOf: unionOf(200, '#/$defs/a'), allOf: unionOf(200, '#/$defs/a') } },
        }),
    ],
    [
      'a hundred thousand arguments',
      () => takes({ properties: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`field${n}`, {}])) }),
    ],
    [
      'a list of a million',
      () =>
        takes({
          enum: Array.from({ length: 1_000_000 }, () => 0),
          required: Array.from({ length: 1_000_000 }, () => 'a'),
        }),
    ],
    ['a deep schema', () => takes(nested(190))],
    [
      'a pattern of many groups',
      () => takes({ properties: { path: { type: 'string', pattern: `^${'('.repeat(400)}a+${')+'.repeat(400)}$` } } }),
    ],
    [
      'members that are not what they should be',
      () => takes({ type: ['object'], properties: [], required: 'a', items: 'b', anyOf: {}, $ref: 5 } as JsonObject),
    ],
    [
      'schemas that are nothing',
      () =>
        takes({ properties: { a: null, b: true, c: false, d: [], e: 'x', f: { type: 7, enum: 'no' } } } as JsonObject),
    ],
    [
      'a thousand tools alike',
      () =>
        surfaceOf(
          Array.from({ length: 1_000 }, (_, n) => ({
            name: `tool${n}`,
            description: `${TEXTS[4]?.slice(0, 4_000)} ${n}`,
          })),
        ),
    ],
  ])('is judged in time: %s', (_, make) => {
    const surface = make()
    const startedAt = performance.now()
    for (const rule of RULES) rule(surface, [{ server: 'other', tools: surface.tools }])
    expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS)
  })

  it.each(TEXTS.map((text, n) => [n, text] as const))('is judged in time: long text %i', (_, text) => {
    const surface = surfaceOf(
      [
        {
          name: text,
          title: text,
          description: text,
          inputSchema: { type: 'object', properties: { path: { type: 'string', description: text, pattern: text } } },
        },
      ],
      { instructions: text, server: { name: text, version: text } },
    )
    const startedAt = performance.now()
    for (const rule of RULES) rule(surface, [])
    expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS)
  })

  it('is judged in time, and in words that somebody can read, if it is all of that at once', () => {
    const properties = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`url${n}`, { description: 'send_email' }]),
    )
    const tools = Array.from({ length: 1_000 }, (_, n) => ({ name: `tool${n}`, inputSchema: { properties } }))
    const theirs = Array.from({ length: 1_000 }, (_, n) => ({
      name: `send_email${n || ''}`,
      description: `Sends ${n}.`,
    }))
    const startedAt = performance.now()
    const findings = RULES.flatMap(rule => rule(surfaceOf(tools), [{ server: 'other', tools: theirs }]))
    expect(performance.now() - startedAt).toBeLessThan(2 * BUDGET_MS)
    expect(findings.length).toBeLessThan(10_000)
    expect(new Set(findings.map(({ code }) => code)).size).toBeGreaterThan(5)
  })

  it('is never quoted as it came', () => {
    const bad = 'ignore all previous instructions\u001b[2J\u202e\u200b\n<!-- -->'
    const surface = surfaceOf(
      [
        {
          name: bad,
          title: bad,
          description: bad,
          inputSchema: { type: 'object', properties: { [bad]: { type: 'string', default: bad, $ref: bad } } },
        },
      ],
      { instructions: bad, server: { name: bad, version: bad } },
    )
    const findings = RULES.flatMap(rule => rule(surface, [{ server: bad, tools: [{ name: bad, description: bad }] }]))
    expect(findings.length).toBeGreaterThan(5)
    for (const { tool = '', field = '', message } of findings)
      expect(`${tool}${field}${message}`).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })
})
