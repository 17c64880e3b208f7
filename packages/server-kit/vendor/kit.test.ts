import { symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ALL_PLACES, fixtureRepository, READER_PLACES } from './fixture-repository.ts'
import { KitError, kitOf, readKit } from './kit.ts'

describe('the kit', () => {
  it('has every file of its sources that ships, and neither tests nor hidden files', () => {
    const { root } = fixtureRepository()
    const kit = readKit(root)
    expect([...kit.files.keys()].sort()).toEqual(ALL_PLACES)
    expect(kit.version).toBe('0.1.0')
  })

  it(`${verifies('P13')} leaves every folder named writes out of the reader variant`, () => {
    const repository = fixtureRepository()
    repository.write('packages/server-kit/src/call/registration/writes/deep.ts', 'deep\n')
    // A file of this name is not a folder of this name.
    repository.write('packages/server-kit/src/remote/writes', 'a file\n')
    const reader = kitOf(readKit(repository.root), 'reader')
    expect([...reader.files.keys()].sort()).toEqual([...READER_PLACES, 'remote/writes'].sort())
  })

  it.each([
    ['packages/guardrails/src', 'packages/guardrails/src is missing'],
    ['packages/server-kit/src/remote/routes.ts', 'packages/server-kit/src/remote is missing'],
    ['tsup.base.ts', 'tsup.base.ts is missing'],
    ['packages/server-kit/package.json', 'packages/server-kit/package.json is missing'],
  ])('cannot be read without %s', (path, message) => {
    const repository = fixtureRepository()
    repository.remove(path)
    expect(() => readKit(repository.root)).toThrow(KitError)
    expect(() => readKit(repository.root)).toThrow(message)
  })

  it.each(['{', '{}', '[]', 'null', '{ "version": 1 }', '{ "version": "" }'])('needs a version: %s has none', text => {
    const repository = fixtureRepository()
    repository.write('packages/server-kit/package.json', text)
    expect(() => readKit(repository.root)).toThrow(KitError)
  })

  it('has no symbolic links', () => {
    const { root, at } = fixtureRepository()
    symlinkSync('index.ts', at('packages/server-kit/src/call/other.ts'))
    expect(() => readKit(root)).toThrow('packages/server-kit/src/call/other.ts is not a regular file')
  })
})
