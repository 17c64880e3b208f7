import { mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { vendoredRepository } from './fixture-repository.ts'
import { sha256 } from './sha256.ts'
import { updateServers } from './update.ts'

const ALPHA = 'servers/alpha/src/vendored'
const BETA = 'servers/beta/src/vendored'
const INPUT = 'packages/server-kit/src/call/input.ts'

describe('an update that is refused', () => {
  it(`${verifies('P13')} stops at files that were changed by hand, names each, and writes nothing of that server`, () => {
    const { root, write, remove, snapshot, read } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    write(`${BETA}/call/index.ts`, 'mine\n')
    write(`${BETA}/call/text.ts`, 'mine\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    remove('packages/server-kit/src/call/index.ts')
    write('packages/server-kit/src/remote/routes.ts', 'better\n')
    const before = snapshot('beta')
    const { done, stopped } = updateServers(root)
    expect(snapshot('beta')).toEqual(before)
    expect(stopped).toEqual([
      `beta: was not updated, and nothing of it was written
${BETA}/call/index.ts: was changed by hand
${BETA}/call/input.ts: was changed by hand
${BETA}/call/text.ts: is not a copy, and the kit has a file of this name
Put the change into the kit, or explain it under "patched" in vendored.json, or overwrite it with the kit's file: pnpm vendor --force beta`,
    ])
    expect(done).toEqual(['alpha: 2 files copied, 1 removed (version 0.1.0, full)'])
    expect(read(`${ALPHA}/remote/routes.ts`)).toBe('better\n')
  })

  it('stops at a patched file that the kit no longer has', () => {
    const { root, write, remove, snapshot, editManifest } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    editManifest('beta', { patched: { 'call/input.ts': 'why' } })
    remove(INPUT)
    const before = snapshot('beta')
    const { stopped } = updateServers(root, ['beta'], { force: true })
    expect(stopped.join()).toContain(`${BETA}/call/input.ts: is named under "patched", but the kit has no such file`)
    expect(snapshot('beta')).toEqual(before)
  })

  it('stops where a folder is in the way of a file, or a file in the way of a folder', () => {
    const { root, at, write, snapshot } = vendoredRepository()
    mkdirSync(at(`${BETA}/call/text.ts`))
    write(`${BETA}/remote/sessions`, 'mine\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    write('packages/server-kit/src/remote/sessions/store.ts', 'store\n')
    const before = snapshot('beta')
    const { stopped } = updateServers(root, ['beta'], { force: true })
    expect(stopped.join()).toContain(`${BETA}/call/text.ts: is a folder`)
    expect(stopped.join()).toContain(`${BETA}/remote/sessions: is a file`)
    expect(snapshot('beta')).toEqual(before)
  })

  it('stops at a manifest that is not valid and leaves files outside the folder alone', () => {
    const { root, write, read, editManifest } = vendoredRepository()
    write('servers/beta/src/main.ts', 'main\n')
    const files = { '../main.ts': sha256(Buffer.from('main\n')) }
    editManifest('beta', { files })
    const { stopped } = updateServers(root, ['beta'], { force: true })
    expect(stopped.join()).toContain(`${BETA}/vendored.json: "../main.ts" under "files" is not a path below vendored/`)
    expect(read('servers/beta/src/main.ts')).toBe('main\n')
  })

  it.each(['servers/beta/src/vendored/call', 'servers/beta/src/vendored', 'servers/beta/src'])(
    'writes nothing through a symbolic link at %s',
    path => {
      const repository = vendoredRepository()
      mkdirSync(repository.at('elsewhere'))
      repository.remove(path)
      symlinkSync(repository.at('elsewhere'), repository.at(path))
      const { stopped } = updateServers(repository.root, ['beta'], { force: true })
      expect(stopped.join()).toContain(`${path}: must be a regular file or folder`)
      expect(repository.snapshot('../elsewhere')).toEqual({})
    },
  )

  it('writes nothing if the kit cannot be read or a server is not known', () => {
    const { root, write, remove, snapshot } = vendoredRepository()
    write(INPUT, 'better\n')
    const before = snapshot('beta')
    expect(() => updateServers(root, ['beta', 'gamma'])).toThrow(
      'there is no server "gamma"; the servers are alpha, beta',
    )
    expect(() => updateServers(root, ['notes'])).toThrow('there is no server')
    remove('packages/server-kit/src/setup')
    expect(() => updateServers(root, ['beta'])).toThrow('packages/server-kit/src/setup is missing')
    expect(snapshot('beta')).toEqual(before)
  })
})
