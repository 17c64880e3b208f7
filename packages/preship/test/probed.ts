import { fileURLToPath } from 'node:url'
import { type ExamineOptions, examine } from '../src/examine.ts'
import type { Report } from '../src/report/report.ts'

const SERVER = fileURLToPath(new URL('fixtures/notes-server.mjs', import.meta.url))

type Options = Partial<Omit<ExamineOptions, 'target'>>

const USUAL = { mayWrite: true, neighbours: [], evidence: [], timeoutMs: 10_000, deadlineMs: 60_000, onProgress() {} }

/** Examines the notes server with the given faults. */
export async function probe(faults: readonly string[], env: Record<string, string> = {}, more: Options = {}) {
  const target = { kind: 'stdio', program: process.execPath, args: [SERVER, ...faults], env } as const
  return await examine({ ...USUAL, ...more, target })
}

/** Examines a remote server. */
export async function probeRemote(url: URL, token?: string, foreignToken?: string): Promise<Report> {
  return await examine({ ...USUAL, target: { kind: 'url', url, token, foreignToken } })
}

export function codesOf({ findings }: Report): string[] {
  return [...new Set(findings.map(({ code }) => code))]
}
