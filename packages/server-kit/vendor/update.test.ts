import { linkSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problemsOfVendoring } from './check.ts'
import { ALL_PLACES, fixtureRepository, READER_PLACES, vendoredRepository } from './fixture-repository.ts'
import { sha256 } from './sha256.ts'
import { updateServers } from './update.ts'

const ALPHA = 'servers/alpha/src/vendored'
const BETA = 'servers/beta/src/vendored'
const INPUT = 'packages/server-kit/src/call/input.ts'

describe('an update', () => {
  it('copies the kit byte for byte into every server, and lists it in the manifest', () => {
    const repository = fixtureRepository()
    const { root, at, read, places } = repository
    expect(updateServers(root)).toEqual({
      done: [
        'alpha: 12 files copied, 0 removed (version 0.1.0, full)',
        'beta: 9 files copied, 0 removed (version 0.1.0, reader)',
      ],
      stopped: [],
    })
    expect(places('alpha')).toEqual(ALL_PLACES)
    const original = readFileSync(at(INPUT))
    expect(readFileSync(at(`${ALPHA}/call/input.ts`)).equals(original)).toBe(true)
    const manifest = JSON.parse(read(`${ALPHA}/vendored.json`))
    expect(manifest).toMatchObject({ version: '0.1.0', variant: 'full', patched: {} })
    expect(Object.keys(manifest.files)).toEqual(ALL_PLACES)
    expect(manifest.files['call/input.ts']).toBe(sha256(original))
    expect(problemsOfVendoring(root)).toEqual([])
  })

  it(`${verifies('P13')} gives a reader nothing that writes`, () => {
    const { read, places } = vendoredRepository()
    expect(places('beta')).toEqual(READER_PLACES)
    expect(Object.keys(JSON.parse(read(`${BETA}/vendored.json`)).files)).toEqual(READER_PLACES)
  })

  it('removes what a server no longer takes once its team changes the variant', () => {
    const repository = vendoredRepository()
    repository.editManifest('alpha', { variant: 'reader' })
    expect(updateServers(repository.root, ['alpha']).done).toEqual([
      'alpha: 0 files copied, 3 removed (version 0.1.0, reader)',
    ])
    expect(repository.places('alpha')).toEqual(READER_PLACES)
    expect(() => statSync(repository.at(`${ALPHA}/call/writes`))).toThrow('ENOENT')
  })

  it('writes nothing where nothing changed', () => {
    const { root, at, snapshot } = vendoredRepository()
    const before = { files: snapshot('beta'), inode: statSync(at(`${BETA}/vendored.json`)).ino }
    expect(updateServers(root, ['beta']).done).toEqual(['beta: is up to date (version 0.1.0, reader)'])
    expect({ files: snapshot('beta'), inode: statSync(at(`${BETA}/vendored.json`)).ino }).toEqual(before)
  })

  it(`${verifies('P13')} changes only the servers that are named`, () => {
    const { root, write, read, remove, snapshot, places } = vendoredRepository()
    const before = snapshot('alpha')
    write(INPUT, 'better\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    remove('packages/server-kit/src/call/index.ts')
    write('packages/server-kit/package.json', '{ "version": "0.2.0" }')
    expect(updateServers(root, ['beta']).done).toEqual(['beta: 2 files copied, 1 removed (version 0.2.0, reader)'])
    expect(read(`${BETA}/call/input.ts`)).toBe('better\n')
    expect(places('beta')).not.toContain('call/index.ts')
    expect(places('beta')).toContain('call/text.ts')
    expect(snapshot('alpha')).toEqual(before)
  })

  it('overwrites and removes them when forced, but never a file that the kit does not know', () => {
    const { root, write, remove, read, places } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    write(`${BETA}/call/index.ts`, 'mine\n')
    write(`${BETA}/extra.ts`, 'mine\n')
    remove('packages/server-kit/src/call/index.ts')
    expect(updateServers(root, ['beta'], { force: true })).toEqual({
      done: [
        'beta: 1 file copied, 1 removed (version 0.1.0, reader)',
        `${BETA}/extra.ts: is not a copy of the kit's and was left as it is; pnpm vendor --check reports it`,
      ],
      stopped: [],
    })
    expect(read(`${BETA}/call/input.ts`)).toBe('first\r\nsecond\n')
    expect(places('beta')).not.toContain('call/index.ts')
    expect(read(`${BETA}/extra.ts`)).toBe('mine\n')
  })

  it('keeps a patched file, also when forced, records the new hash, and says if the kit changed it', () => {
    const { root, at, write, read, editManifest } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    editManifest('beta', { patched: { 'call/input.ts': 'the backend takes longer names' } })
    expect(updateServers(root, ['beta']).done).toEqual(['beta: is up to date (version 0.1.0, reader)'])
    write(INPUT, 'better\n')
    expect(updateServers(root, ['beta'], { force: true }).done).toEqual([
      'beta: is up to date (version 0.1.0, reader)',
      `${BETA}/call/input.ts: is patched and was kept; the kit's file changed, see pnpm vendor --diff beta`,
    ])
    expect(read(`${BETA}/call/input.ts`)).toBe('mine\n')
    const manifest = JSON.parse(read(`${BETA}/vendored.json`))
    expect(manifest.files['call/input.ts']).toBe(sha256(readFileSync(at(INPUT))))
    expect(manifest.patched).toEqual({ 'call/input.ts': 'the backend takes longer names' })
    expect(updateServers(root, ['beta']).done).toHaveLength(1)
    expect(problemsOfVendoring(root)).toEqual([])
  })

  it('completes an update that was interrupted', () => {
    const { root, write, read, remove } = vendoredRepository()
    write(INPUT, 'better\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    remove('packages/server-kit/src/call/index.ts')
    // All is done but the manifest.
    write(`${BETA}/call/input.ts`, 'better\n')
    write(`${BETA}/call/text.ts`, 'text\n')
    remove(`${BETA}/call/index.ts`)
    expect(problemsOfVendoring(root, ['beta'])).toHaveLength(3)
    const before = read(`${BETA}/vendored.json`)
    expect(updateServers(root, ['beta']).stopped).toEqual([])
    expect(read(`${BETA}/vendored.json`)).not.toBe(before)
    expect(problemsOfVendoring(root, ['beta'])).toEqual([])
  })

  it('puts a whole new file in the place of the old one, and leaves no temporary file', () => {
    const { root, at, write, read, places } = vendoredRepository()
    linkSync(at(`${BETA}/call/input.ts`), at('old'))
    write(INPUT, 'better\n')
    updateServers(root, ['beta'])
    expect(read(`${BETA}/call/input.ts`)).toBe('better\n')
    // To write into the old file would have changed it here too.
    expect(read('old')).toBe('first\r\nsecond\n')
    expect(places('beta')).toEqual(READER_PLACES)
  })

  it('restores a file that is missing', () => {
    const { root, remove, places } = vendoredRepository()
    remove(`${BETA}/call`)
    expect(updateServers(root, ['beta']).done).toEqual(['beta: 2 files copied, 0 removed (version 0.1.0, reader)'])
    expect(places('beta')).toEqual(READER_PLACES)
  })
})
