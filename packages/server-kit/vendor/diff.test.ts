import { describe, expect, it } from 'vitest'
import { diffOfUpdate } from './diff.ts'
import { vendoredRepository } from './fixture-repository.ts'
import { updateServers } from './update.ts'

const BETA = 'servers/beta/src/vendored'

describe('the difference that an update would make', () => {
  it('is nothing where the server is up to date', () => {
    const { root, write } = vendoredRepository()
    expect(diffOfUpdate(root, 'beta')).toBe('beta: an update would change nothing\n')
    write('packages/server-kit/package.json', '{ "version": "0.2.0" }')
    expect(diffOfUpdate(root, 'beta')).toBe('beta: an update would change nothing but vendored.json\n')
  })

  it('shows files that are changed, added and removed, without the paths of this machine', () => {
    const { root, write, remove, snapshot } = vendoredRepository()
    write('packages/server-kit/src/call/input.ts', 'better\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    write('packages/server-kit/src/call/writes/nonce.ts', 'nonce\n')
    remove('packages/server-kit/src/call/index.ts')
    const before = snapshot('beta')
    const text = diffOfUpdate(root, 'beta')
    expect(snapshot('beta')).toEqual(before)
    expect(text.split('\n').filter(line => /^[-+@]/.test(line))).toEqual([
      `--- a/${BETA}/call/index.ts`,
      '+++ /dev/null',
      '@@ -1 +0,0 @@',
      '-call',
      `--- a/${BETA}/call/input.ts`,
      `+++ b/${BETA}/call/input.ts`,
      '@@ -1,2 +1 @@',
      '-first\r',
      '-second',
      '+better',
      '--- /dev/null',
      `+++ b/${BETA}/call/text.ts`,
      '@@ -0,0 +1 @@',
      '+text',
    ])
    expect(text).not.toContain(root)
    expect(text).not.toContain('vendor-diff')
  })

  it('shows what would be lost where a change by hand stops the update', () => {
    const { root, write } = vendoredRepository()
    write(`${BETA}/call/index.ts`, 'mine\n')
    const text = diffOfUpdate(root, 'beta')
    expect(text).toMatch(`beta: an update would stop\n${BETA}/call/index.ts: was changed by hand\n`)
    expect(text).toContain('-mine\n+call\n')
  })

  it('shows patched files apart, as an update keeps them', () => {
    const { root, write, editManifest } = vendoredRepository()
    write(`${BETA}/call/index.ts`, 'mine\n')
    editManifest('beta', { patched: { 'call/index.ts': 'why' } })
    write('packages/server-kit/src/call/index.ts', 'better\n')
    updateServers(root, ['beta'])
    const [heading, ...rest] = diffOfUpdate(root, 'beta').split('\n\n')
    expect(heading).toBe('beta: an update would change nothing')
    expect(rest.join('\n')).toMatch(/^beta: patched files, which an update keeps/)
    expect(rest.join('\n')).toContain('-mine\n+better\n')
  })
})
