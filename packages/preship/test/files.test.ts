import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { examine } from '../src/examine.ts'
import { codesOf } from './probed.ts'

const SERVER = fileURLToPath(new URL('fixtures/files-server.mjs', import.meta.url))

/** What probes find at a server of files, in a folder of its own. */
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
        timeoutMs: 1_500,
        deadlineMs: 60_000,
        onProgress() {},
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('a server of files', () => {
  it('may take odd names, dots and slashes as long as they stay inside, and name the folder that it tells of', async () => {
    const codes = await found()
    for (const code of ['VALUE_NOT_WHOLE', 'PLACE_TRICK_ACCEPTED', 'PATH_SHOWN', 'FILE_CONTENT_RETURNED'])
      expect(codes).not.toContain(code)
  })

  it('that takes any other argument is not told a second time that it takes one of the language’s', async () => {
    const codes = await found()
    expect(codes).toContain('ARGUMENT_UNKNOWN_IGNORED')
    expect(codes).not.toContain('PROTOTYPE_KEY_ACCEPTED')
  })

  it('that leads out of its folder is found', async () => {
    expect(await found('escapes')).toEqual(expect.arrayContaining(['FILE_CONTENT_RETURNED', 'PLACE_TRICK_ACCEPTED']))
  })

  it('that tells of its folder in errors alone is found', async () => {
    expect(await found('tells-no-folder')).toContain('PATH_SHOWN')
  })

  it('that refuses with a status in a text alone is found', async () => {
    expect(await found('status-only')).toContain('REFUSAL_AS_SUCCESS')
  })
})
