import { closeSync, linkSync, openSync, renameSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { GROWING_STEPS, WHOLE } from './legitimate-drafts.ts'

// Replaces `draft.md` as fast as it can by a legitimate file, a link to a secret, a hard link to it, or a growing file.
const [folder = '', secret = ''] = process.argv.slice(2)
const draft = join(folder, 'draft.md')
const stage = `${folder}.stage`
const parent = process.ppid

process.stdout.write('flipping\n')
for (let round = 0; process.ppid === parent; round += 1) {
  const whole = WHOLE[round % WHOLE.length] ?? Buffer.alloc(0)
  writeFileSync(stage, whole)
  renameSync(stage, draft)

  symlinkSync(secret, stage)
  renameSync(stage, draft)

  writeFileSync(stage, whole)
  renameSync(stage, draft)

  linkSync(secret, stage)
  renameSync(stage, draft)

  const growing = openSync(stage, 'w')
  for (const [index, step] of GROWING_STEPS.entries()) {
    writeSync(growing, step)
    if (index === 0) renameSync(stage, draft)
  }
  closeSync(growing)
}
