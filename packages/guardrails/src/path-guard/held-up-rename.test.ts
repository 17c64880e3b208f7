import { linkSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { tempFolder, thrownBy } from '../../test/support.ts'
import { readOnce } from './read-once.ts'

// What Linux shows while a process is suspended during a rename: the link count of the replaced file is already lower,
// but its name still leads to it. Listing the folder waits until the rename is complete.
const kernel = vi.hoisted(() => ({ opened: false, renames: [] as (() => void)[] }))

vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const lowered = <T extends { nlink: bigint }>(stats: T): T => {
    if (kernel.renames.length > 0) stats.nlink = 1n
    return stats
  }
  return {
    ...fs,
    openSync: ((...args: Parameters<typeof fs.openSync>) => {
      kernel.opened = true
      return fs.openSync(...args)
    }) as typeof fs.openSync,
    fstatSync: ((fd: number) => lowered(fs.fstatSync(fd, { bigint: true }))) as typeof fs.fstatSync,
    lstatSync: ((path: string) => lowered(fs.lstatSync(path, { bigint: true }))) as typeof fs.lstatSync,
    opendirSync: ((path: string) => {
      const listing = fs.opendirSync(path)
      const { readSync } = listing
      return Object.assign(listing, {
        readSync() {
          if (kernel.opened) for (const rename of kernel.renames.splice(0)) rename()
          return readSync.call(listing)
        },
      })
    }) as typeof fs.opendirSync,
  }
})

it(`${verifies('P3')} readOnce does not read a hard link to an outside file that is being replaced`, () => {
  const folder = tempFolder()
  const root = join(folder, 'drafts')
  mkdirSync(root)
  const [secret, next, draft] = [join(folder, 'secret'), join(folder, 'next'), join(root, 'draft.md')]
  writeFileSync(secret, 'the secret outside the folder\n')
  writeFileSync(next, '# A draft\n')
  linkSync(secret, draft)
  kernel.renames.push(() => renameSync(next, draft))

  expect(thrownBy(() => readOnce(draft, 'draft.md', 1024))).toMatchObject({ reason: 'changed-while-reading' })
  expect(kernel.renames).toEqual([])
  expect(readOnce(draft, 'draft.md', 1024).bytes.toString()).toBe('# A draft\n')
})
