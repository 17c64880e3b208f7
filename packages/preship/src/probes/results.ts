import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { type JsonObject, objectOf } from '../surface.ts'
import type { Message } from '../wire/wire.ts'
import type { Output, Probing } from './probe.ts'
import { breachOf } from './schema-check.ts'

export const RESULT_KINDS = {
  OUTPUT_MISSING: {
    item: 2,
    severity: 'error',
    title: 'a result is not there in the form that was promised',
    why: 'The tool publishes an output schema and answers with text alone: clients that check refuse it, the others read prose.',
    narrow: 'Return structuredContent wherever there is an outputSchema.',
  },
  OUTPUT_SCHEMA_BROKEN: {
    item: 2,
    severity: 'error',
    title: 'a result breaks its own schema',
    why: 'What the backend sends passes unread: fields that nobody meant to give away, text where data was promised.',
    narrow: 'Check results against the schema before they are sent; drop what it does not name.',
  },
} as const satisfies Record<string, Kind>

/** Looks at every result that other probes got: is it what the tool promises? */
export async function resultsProbe({ heard, surface }: Probing): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  for (const { name, outputSchema } of surface.tools) {
    if (!outputSchema) continue
    const results = heard.filter(({ tool, outcome }) => tool === name && outcome === 'done')
    const tool = plain(name, 80)
    const isMissing = results.some(({ output }) => output === 'missing')
    if (isMissing) findings.push({ code: 'OUTPUT_MISSING', tool, message: 'a result came without structuredContent' })
    const [breach] = results.flatMap(({ output }) => (typeof output === 'object' ? [output.breach] : []))
    if (breach !== undefined)
      findings.push({ code: 'OUTPUT_SCHEMA_BROKEN', tool, message: `in a result, ${plain(breach, 120)}` })
    if (!isMissing && breach === undefined && results.length > 0)
      evidence.push({ item: 2, text: `${tool}: ${results.length} results keep to its output schema` })
  }
  return { findings, evidence }
}

/** @param schema the tool's outputSchema, if it has one */
export function outputOf({ result }: Message, schema: JsonObject | undefined): Output {
  const { structuredContent } = objectOf(result)
  if (structuredContent === undefined) return 'missing'
  const breach = breachOf(structuredContent, schema)
  return breach === undefined ? 'as promised' : { breach }
}
