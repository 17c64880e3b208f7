import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { examine } from '../src/examine.ts'
import { codesOf } from './probed.ts'

const SERVER = fileURLToPath(new URL('fixtures/files-server.mjs', import.meta.url))

/** The finding codes for a file server with the given faults, in a folder of its own. */
async function found(...faults: string[]): Promise<string[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'preship-files-')))
  try {
    const target = { kind: 'stdio', program: process.execPath, args: [SERVER, folder, ...faults], env: {} } as const
    return codesOf(
      await examine({
        target,
        mayWrite: true,
        neighbours: [],
        evidence: [],
        timeoutMs: 10_000,
        deadlineMs: 60_000,
        onProgress() {},
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe.concurrent('a file server', () => {
  it('has no path findings if all paths stay inside, and if it discloses its folder on purpose', async () => {
    const codes = await found()
    for (const code of ['VALUE_NOT_WHOLE', 'PLACE_TRICK_ACCEPTED', 'PATH_SHOWN', 'FILE_CONTENT_RETURNED'])
      expect(codes).not.toContain(code)
  })

  it('that accepts unknown arguments has no second finding for accepting constructor', async () => {
    const codes = await found()
    expect(codes).toContain('ARGUMENT_UNKNOWN_IGNORED')
    expect(codes).not.toContain('PROTOTYPE_KEY_ACCEPTED')
  })

  it('with path traversal is found', async () => {
    expect(await found('escapes')).toEqual(expect.arrayContaining(['FILE_CONTENT_RETURNED', 'PLACE_TRICK_ACCEPTED']))
  })

  it('that discloses its folder only in errors is found', async () => {
    expect(await found('hides-folder')).toContain('PATH_SHOWN')
  })

  it('that reports refusals only as a status in the text is found', async () => {
    expect(await found('status-only')).toContain('REFUSAL_AS_SUCCESS')
  })
})
