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

/** Type-checks a source by itself, as if it stood in this folder, and gives the lines that are at fault. */
async function faultyLines(source: string): Promise<number[]> {
  // Out of sight of every other check, yet where the dependencies are found.
  const folder = mkdtempSync(here('../node_modules/.reading-only-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'fixture.ts'), source.replaceAll("'../src/", "'../../src/"))
  const base = here('../../../tsconfig.base.json')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: base, files: ['fixture.ts'] }))
  const tsc = here('../../../node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder, '--pretty', 'false']).catch(
    (failure: { stdout: string }) => failure,
  )
  return [...stdout.matchAll(/fixture\.ts\((\d+),\d+\): error TS/g)].map(([, line]) => Number(line))
}

describe('reading is all that compiles', () => {
  it(`${verifies('P6')} a write tool, a method other than GET and a body are each an error of their own`, async () => {
    const lines = readFileSync(here('reading-only.ts'), 'utf8').split('\n')
    const marked = lines.flatMap((line, index) => (MARK.test(line) ? [index + 2] : []))
    expect(marked.length).toBe(13)
    // As it stands, all of them are expected and there are no others.
    expect(await faultyLines(lines.join('\n'))).toEqual([])
    const bare = lines.map(line => (MARK.test(line) ? '  //' : line)).join('\n')
    expect(await faultyLines(bare)).toEqual(marked)
  })

  it(`${verifies('P6')} and it is all that is there`, () => {
    expect(tools.map(({ effect }) => effect)).toEqual(['read', 'read', 'read'])
    for (const endpoint of REST_ENDPOINTS) expect(endpoint).toMatch(/^GET \//)
  })
})
