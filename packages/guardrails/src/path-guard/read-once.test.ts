import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { GROWING_STEPS, WHOLE } from '../../test/legitimate-drafts.ts'
import { start, tempFolder } from '../../test/support.ts'
import { openDraftsFolder } from './drafts-folder.ts'
import { NotADraftError } from './errors.ts'

const FLIPPER = new URL('../../test/flipper.ts', import.meta.url)
const ROOT_FLIPPER = new URL('../../test/root-flipper.ts', import.meta.url)
/** Long, as the machine may have much else to do. */
const PATIENCE_MS = 300_000
const SECRET = 'the secret outside the folder\n'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Tries a read again and again, and lets the test's runner live beside it. */
async function hammer(times: number, until: () => boolean, read: () => void): Promise<void> {
  for (let index = 0; index < times || !until(); index += 1) {
    read()
    if (index % 500 === 0) await setImmediate()
  }
}

describe('a folder under attack by a second process', () => {
  it(`${verifies('P3')} returns whole legitimate contents only, in 100,000 reads of a file that is swapped and grows`, {
    timeout: PATIENCE_MS,
  }, async () => {
    const folder = tempFolder()
    const root = join(folder, 'drafts')
    const secret = join(folder, 'secret.md')
    mkdirSync(root)
    writeFileSync(secret, SECRET)
    const drafts = openDraftsFolder(root)
    const legitimate = new Set(WHOLE.map(sha256))
    for (let steps = 0; steps <= GROWING_STEPS.length; steps += 1)
      legitimate.add(sha256(Buffer.concat(GROWING_STEPS.slice(0, steps))))

    const flipper = start(FLIPPER, { args: [root, secret] })
    await flipper.line()
    const outcomes = new Map<string, number>()
    const wrong = new Set<string>()
    // Not done before each kind of state was met: a machine may be busy with other things for a while.
    const expected = ['read', 'not-a-regular-file', 'hard-linked']
    await hammer(
      100_000,
      () => expected.every(outcome => outcomes.has(outcome)),
      () => {
        let outcome = 'read'
        try {
          const draft = drafts.read('draft.md')
          const hash = sha256(draft.bytes)
          if (draft.bytes.includes(SECRET.trim()) || !legitimate.has(hash) || hash !== draft.sha256)
            wrong.add(draft.bytes.toString())
        } catch (error) {
          if (!(error instanceof NotADraftError)) throw error
          outcome = error.reason
        }
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      },
    )
    await flipper.kill()
    expect([...wrong]).toEqual([])
  })

  it(`${verifies('P3')} never reads from a folder that is put in its place for a moment`, {
    timeout: PATIENCE_MS,
  }, async () => {
    const folder = tempFolder()
    const root = join(folder, 'drafts')
    const other = join(folder, 'other')
    for (const [path, content] of Object.entries({ [root]: 'a draft', [other]: SECRET })) {
      mkdirSync(path)
      writeFileSync(join(path, 'draft.md'), content)
    }
    const drafts = openDraftsFolder(root)
    const flipper = start(ROOT_FLIPPER, { args: [root, other] })
    await flipper.line()
    const read = new Set<string>()
    const refusals = new Set<string>()
    await hammer(
      50_000,
      () => read.size > 0 && refusals.size > 0,
      () => {
        try {
          read.add(drafts.read('draft.md').bytes.toString())
        } catch (error) {
          refusals.add(error instanceof NotADraftError ? error.reason : String(error))
        }
      },
    )
    await flipper.kill()
    expect([...read]).toEqual(['a draft'])
    expect([...refusals].filter(refusal => refusal.includes('/'))).toEqual([])
  })
})
