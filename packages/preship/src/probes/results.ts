import type { Evidence, Finding, Kind, Result } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { type JsonObject, objectOf } from '../surface.ts'
import type { Message } from '../wire/wire.ts'
import type { Output, ProbeContext } from './probe.ts'
import { violationOf } from './schema-check.ts'

export const RESULT_KINDS = {
  OUTPUT_MISSING: {
    item: 2,
    severity: 'error',
    title: 'Structured result is missing',
    why: 'The tool publishes an output schema but returns only text. Clients that validate reject the result, and others have to parse prose.',
    narrow: 'Return structuredContent wherever there is an outputSchema.',
  },
  OUTPUT_SCHEMA_BROKEN: {
    item: 2,
    severity: 'error',
    title: 'Result violates the output schema',
    why: 'Backend data is passed on without validation, which can expose fields that were not meant to be returned.',
    narrow: 'Validate results before they are sent, and drop properties that the schema does not name.',
  },
} as const satisfies Record<string, Kind>

/** Compares the results of earlier probes with the output schemas. */
export async function resultsProbe({ replies, surface }: ProbeContext): Promise<Result> {
  const findings: Finding[] = []
  const evidence: Evidence[] = []
  for (const { name, outputSchema } of surface.tools) {
    if (!outputSchema) continue
    const results = replies.filter(({ tool, outcome }) => tool === name && outcome === 'done')
    const tool = sanitize(name, 80)
    const isMissing = results.some(({ output }) => output === 'missing')
    if (isMissing) findings.push({ code: 'OUTPUT_MISSING', tool, message: 'a result has no structuredContent' })
    const [violation] = results.flatMap(({ output }) => (typeof output === 'object' ? [output.violation] : []))
    if (violation !== undefined)
      findings.push({ code: 'OUTPUT_SCHEMA_BROKEN', tool, message: `in a result, ${sanitize(violation, 120)}` })
    if (!isMissing && violation === undefined && results.length > 0)
      evidence.push({
        item: 2,
        text: `${tool}: ${results.length === 1 ? '1 result matches' : `${results.length} results match`} its output schema`,
      })
  }
  return { findings, evidence }
}

/** @param schema the tool's outputSchema, if it has one */
export function outputOf({ result }: Message, schema: JsonObject | undefined): Output {
  const { structuredContent } = objectOf(result)
  if (structuredContent === undefined) return 'missing'
  const violation = violationOf(structuredContent, schema)
  return violation === undefined ? 'as promised' : { violation }
}
