import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { REST_ENDPOINTS } from '../src/backends/rest.ts'
import { tools } from '../src/tools/index.ts'

const MARK = /^\s*\/\/ @ts-expect-error /
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Type-checks a source by itself, as if it were in this folder. Returns the lines that have errors. */
async function faultyLines(source: string): Promise<number[]> {
  // Out of sight of every other check, yet where the dependencies are found.
  const folder = mkdtempSync(here('../node_modules/.reading-only-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  // Names with # mean nothing below node_modules.
  const moved = source
    .replaceAll("'../src/", "'../../src/")
    .replace(/'#([\w/-]+)'/g, "'../../src/vendored/$1/index.ts'")
  writeFileSync(join(folder, 'fixture.ts'), moved)
  const base = here('../../../tsconfig.base.json')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: base, files: ['fixture.ts'] }))
  const tsc = here('../../../node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder, '--pretty', 'false']).catch(
    (failure: { stdout: string }) => failure,
  )
  return [...stdout.matchAll(/fixture\.ts\((\d+),\d+\): error TS/g)].map(([, line]) => Number(line))
}

describe('a server that only reads', () => {
  it(`${verifies('P6')} does not compile with a tool that writes, a method other than GET, or a body`, async () => {
    const lines = readFileSync(here('reading-only.ts'), 'utf8').split('\n')
    const marked = lines.flatMap((line, index) => (MARK.test(line) ? [index + 2] : []))
    expect(marked.length).toBe(22)
    // With the marks, all errors are expected and there are no others.
    expect(await faultyLines(lines.join('\n'))).toEqual([])
    const bare = lines.map(line => (MARK.test(line) ? '  //' : line)).join('\n')
    expect(await faultyLines(bare)).toEqual(marked)
  })

  it(`${verifies('P6')} has only tools and endpoints that read`, () => {
    expect(tools.map(({ effect }) => effect)).toEqual(['read', 'read', 'read'])
    expect(tools.filter(tool => 'confirm' in tool)).toEqual([])
    for (const endpoint of REST_ENDPOINTS) expect(endpoint).toMatch(/^GET \//)
  })
})
