import { renameSync, symlinkSync, unlinkSync } from 'node:fs'

// Replaces a folder by a link to another one and back, as fast as it can.
const [folder = '', other = ''] = process.argv.slice(2)
const aside = `${folder}.aside`
const parent = process.ppid

process.stdout.write('flipping\n')
while (process.ppid === parent) {
  renameSync(folder, aside)
  symlinkSync(other, folder)
  unlinkSync(folder)
  renameSync(aside, folder)
}
