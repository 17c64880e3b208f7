import { symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeBehind, serversBehind } from './behind.ts'
import { checkServers, problemsOfVendoring } from './check.ts'
import { fixtureRepository, vendoredRepository } from './fixture-repository.ts'
import { updateServers } from './update.ts'

const BETA = 'servers/beta/src/vendored'

describe('a check', () => {
  it('says of each server that it is as vendored', () => {
    const { root } = vendoredRepository()
    expect(checkServers(root)).toEqual([
      { server: 'alpha', problems: [], notes: ['alpha: 12 files are as vendored (version 0.1.0, full)'] },
      { server: 'beta', problems: [], notes: ['beta: 9 files are as vendored (version 0.1.0, reader)'] },
    ])
  })

  it(`${verifies('P13')} names each file that was changed, is missing, or is not listed`, () => {
    const { root, write, remove } = vendoredRepository()
    // One byte of a line ending is a change.
    write(`${BETA}/call/input.ts`, 'first\nsecond\n')
    remove(`${BETA}/remote/routes.ts`)
    write(`${BETA}/call/writes/confirmation.ts`, 'confirmation\n')
    write(`${BETA}/call/index.ts.1.vendoring`, 'ca')
    expect(problemsOfVendoring(root)).toEqual([
      `${BETA}/call/index.ts.1.vendoring: is not listed in vendored.json`,
      `${BETA}/call/input.ts: was changed since it was copied, and "patched" does not explain it`,
      `${BETA}/call/writes/confirmation.ts: is not listed in vendored.json`,
      `${BETA}/remote/routes.ts: is missing, and "patched" does not explain it`,
    ])
    expect(problemsOfVendoring(root, ['alpha'])).toEqual([])
  })

  it('passes what is explained, changed or missing', () => {
    const { root, write, remove, editManifest } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    remove(`${BETA}/remote/routes.ts`)
    editManifest('beta', { patched: { 'call/input.ts': 'longer names', 'remote/routes.ts': 'serves stdio only' } })
    expect(checkServers(root, ['beta'])).toEqual([
      {
        server: 'beta',
        problems: [],
        notes: ['beta: 7 files are as vendored, 2 files patched (version 0.1.0, reader)'],
      },
    ])
  })

  it('notes a patch that is no longer needed, as the kit has it now', () => {
    const { root, write, editManifest } = vendoredRepository()
    write(`${BETA}/call/input.ts`, 'mine\n')
    editManifest('beta', { patched: { 'call/input.ts': 'longer names', 'call/index.ts': 'shorter names' } })
    write('packages/server-kit/src/call/input.ts', 'mine\n')
    const [beta] = checkServers(root, ['beta'])
    expect(beta?.problems).toEqual([])
    expect(beta?.notes.slice(1)).toEqual(
      ['input', 'index'].map(
        name =>
          `${BETA}/call/${name}.ts: is the same as the kit's file, so its entry under "patched" is no longer needed`,
      ),
    )
  })

  it('refuses a patch without a reason, or of a file that is not in the manifest', () => {
    const { root, write, editManifest } = vendoredRepository()
    write(`${BETA}/extra.ts`, 'mine\n')
    editManifest('beta', { patched: { 'extra.ts': 'needed' } })
    expect(problemsOfVendoring(root)).toEqual([
      `${BETA}/extra.ts: is not listed in vendored.json`,
      `${BETA}/vendored.json: "extra.ts" under "patched" is not a file of the manifest`,
    ])
    write(`${BETA}/call/input.ts`, 'mine\n')
    editManifest('beta', { patched: { 'call/input.ts': '' } })
    expect(problemsOfVendoring(root)).toEqual([`${BETA}/vendored.json: "call/input.ts" under "patched" has no reason`])
  })

  it(`${verifies('P13')} refuses a server without a valid manifest`, () => {
    const { root, write, remove } = vendoredRepository()
    const fault = (): string => problemsOfVendoring(root).join()
    write(`${BETA}/vendored.json`, '{')
    expect(fault()).toBe(`${BETA}/vendored.json: it is not JSON`)
    write(`${BETA}/vendored.json`, '{"variant":"reader"}')
    expect(fault()).toContain(`${BETA}/vendored.json: lists no files`)
    remove(`${BETA}/vendored.json`)
    expect(fault()).toContain(`${BETA}/vendored.json: lists no files`)
    remove('servers/beta/src')
    expect(fault()).toContain(`${BETA}/vendored.json: lists no files`)
  })

  it(`${verifies('P13')} refuses symbolic links, also to the very same content`, () => {
    const { root, at, remove } = vendoredRepository()
    for (const place of ['call/input.ts', 'guardrails', 'vendored.json']) remove(`${BETA}/${place}`)
    symlinkSync(at('packages/server-kit/src/call/input.ts'), at(`${BETA}/call/input.ts`))
    symlinkSync(at('packages/guardrails/src'), at(`${BETA}/guardrails`))
    symlinkSync(at('servers/alpha/src/vendored/vendored.json'), at(`${BETA}/vendored.json`))
    expect(problemsOfVendoring(root)).toEqual(
      ['call/input.ts', 'guardrails', 'vendored.json'].map(
        place => `${BETA}/${place}: must be a regular file or folder, not a link or anything else`,
      ),
    )
  })
})

describe('servers behind the kit', () => {
  it('are none where all is up to date, or nothing was copied yet', () => {
    expect(serversBehind(fixtureRepository().root)).toEqual([])
    expect(serversBehind(vendoredRepository().root)).toEqual([])
  })

  it('are named with the files that differ, and are no problem', () => {
    const { root, write, remove } = vendoredRepository()
    write('packages/server-kit/src/call/input.ts', 'better\n')
    write('packages/server-kit/src/call/text.ts', 'text\n')
    write('packages/server-kit/src/call/writes/nonce.ts', 'nonce\n')
    remove('packages/server-kit/src/call/index.ts')
    updateServers(root, ['alpha'])
    const behind = serversBehind(root)
    expect(behind).toEqual([
      {
        server: 'beta',
        version: '0.1.0',
        kitVersion: '0.1.0',
        changed: ['call/input.ts'],
        added: ['call/text.ts'],
        removed: ['call/index.ts'],
      },
    ])
    expect(behind.map(describeBehind)).toEqual([
      `beta: is behind the kit (both have version 0.1.0); pnpm vendor beta updates it
  changed: call/input.ts
  added: call/text.ts
  removed: call/index.ts`,
    ])
    expect(problemsOfVendoring(root)).toEqual([])
  })

  it('are named also where only the version differs', () => {
    const { root, write } = vendoredRepository()
    write('packages/server-kit/package.json', '{ "version": "0.2.0" }')
    expect(serversBehind(root, ['beta']).map(describeBehind)).toEqual([
      'beta: is behind the kit (version 0.1.0, the kit has 0.2.0, with the same files); pnpm vendor beta updates it',
    ])
  })
})
