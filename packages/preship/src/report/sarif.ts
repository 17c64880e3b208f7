import { createHash } from 'node:crypto'
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { kindOf } from '../catalogue.ts'
import { type Finding, ITEMS } from '../finding.ts'
import { visibleJson } from '../visible-json.ts'
import type { Report } from './report.ts'

export interface SarifOptions {
  readonly version: string
  /** The file that a finding is attached to. Code scanning shows no finding without one. */
  readonly fileOf: (finding: Finding) => string | undefined
}

/** Formats a report as SARIF 2.1.0 for code scanning. */
export function sarifReport(report: Report, { version, fileOf }: SarifOptions): string {
  const codes = [...new Set(report.findings.map(({ code }) => code))].sort()
  const driver = { name: 'preship', version, rules: codes.map(ruleOf) }
  const results = report.findings.map(finding => resultOf(finding, codes.indexOf(finding.code), fileOf(finding)))
  const run = {
    tool: { driver },
    columnKind: 'utf16CodeUnits',
    invocations: [{ executionSuccessful: true }],
    results,
    properties: { target: report.target, server: report.server, verdicts: report.verdicts },
  }
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }
  return visibleJson(log)
}

function ruleOf(code: string) {
  const { item, severity, title, why, narrow } = kindOf(code)
  return {
    id: code,
    shortDescription: { text: `${title}.` },
    fullDescription: { text: why },
    help: { text: `${why}\n\n${narrow}` },
    defaultConfiguration: { level: severity },
    properties: { tags: [`${item} ${ITEMS[item]}`] },
  }
}

function resultOf(finding: Finding, ruleIndex: number, file: string | undefined) {
  const { code, tool, field, message } = finding
  const where = tool === undefined ? '' : field === undefined ? `${tool}: ` : `${tool}, ${field}: `
  const names = [tool, field].filter(name => name !== undefined)
  const logical = {
    name: names.at(-1) ?? 'server',
    fullyQualifiedName: names.length > 0 ? names.join('/') : 'server',
    kind: tool === undefined ? 'module' : field === undefined ? 'function' : 'parameter',
  }
  const physicalLocation = file !== undefined && {
    physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: 1 } },
  }
  return {
    ruleId: code,
    ruleIndex,
    level: kindOf(code).severity,
    // SARIF messages are plain text, but square brackets would be rendered as links.
    message: { text: `${where}${message}`.replace(/[[\]\\]/g, '\\$&') },
    locations: [{ ...physicalLocation, logicalLocations: [logical] }],
    // The fingerprint keeps the same finding of the next run in the same alert.
    partialFingerprints: {
      'finding/v1': createHash('sha256')
        .update(JSON.stringify([code, ...names]))
        .digest('hex'),
    },
  }
}

function uriOf(file: string): string {
  if (isAbsolute(file)) return pathToFileURL(file).href
  return file.split(/[/\\]/).map(encodeURIComponent).join('/')
}
