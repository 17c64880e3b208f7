import { homedir, tmpdir } from 'node:os'
import { sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Bundle, ROOT, readBundles, readSources, SERVERS } from '../repository.ts'
import { importsOf, resolveImport } from '../source-text.ts'
import {
  bundleKnowsNoMachine,
  bundleStandsAlone,
  bundleStaysInItsFolder,
  readerBundlesHoldNoWrites,
} from './bundles.ts'
import { file } from './cases.ts'

describe('the built servers', () => {
  const bundles = readBundles()
  // A folder that belongs to somebody, not one that any text could hold.
  const places = [ROOT, homedir(), tmpdir()]
    .filter(place => place.length > 1)
    .flatMap(place => [`${place}${sep}`, `${place.replaceAll(sep, '/')}/`])

  it(`${verifies('P13')} import nothing but Node`, () => {
    expect(bundles).toHaveLength(SERVERS.length)
    expect(bundleStandsAlone(bundles)).toEqual([])
    for (const line of [
      "import { z } from 'zod'",
      "import'zod'",
      "export * from 'zod'",
      "var a = __require('pg-native')",
      "const a = await import('./other.js')",
    ])
      expect(bundleStandsAlone([file('main.mjs', line)]), line).not.toEqual([])
    expect(bundleStandsAlone([file('main.mjs', 'import { join } from "path"', 'var fs = __require("fs")')])).toEqual([])
  })

  it('hold no path of the machine that built them', () => {
    const rule = bundleKnowsNoMachine(places)
    expect(rule(bundles)).toEqual([])
    expect(rule([file('main.mjs', `// ${ROOT}/node_modules/zod/index.js`)])).not.toEqual([])
  })

  it('are one file of at most 2 MB each', () => {
    for (const { path, text } of bundles) expect(Buffer.byteLength(text), path).toBeLessThanOrEqual(2_000_000)
  })

  it('come with the list of the files that they were built from', () => {
    for (const { path, text, inputs, listedBytes } of bundles) {
      expect(listedBytes, path).toBe(Buffer.byteLength(text))
      expect(inputs, path).toContain('src/main.ts')
      expect(inputs, path).toContain('src/vendored/call/tool.ts')
    }
  })

  // An import that the rules overlooked would be one that they never judge.
  it('are built from the files that the rules find by following imports', () => {
    for (const { path, inputs } of bundles) {
      const home = path.replace('dist/main.mjs', '')
      const found = filesReachedFrom(`${home}src/main.ts`)
      const own = inputs.filter(input => input.startsWith('src/') || input === 'package.json')
      expect(
        own.filter(input => !found.has(home + input)),
        path,
      ).toEqual([])
    }
  })

  it(`${verifies('P13')} are built from their own folder and installed packages, of which none is ours`, () => {
    expect(bundleStaysInItsFolder(bundles)).toEqual([])
    for (const input of [
      '../../packages/guardrails/src/audit/index.ts',
      '../../packages/server-kit/src/call/tool.ts',
      '../crm-reader/src/vocabulary.ts',
      '../../tsup.base.ts',
      '/srv/shared/index.ts',
      'node_modules/@narrow-deputies/guardrails/src/audit/index.ts',
      '../../node_modules/.pnpm/@narrow-deputies+guardrails@1.0.0/node_modules/guardrails/index.js',
    ])
      expect(bundleStaysInItsFolder([bundle('desk', input)]), input).not.toEqual([])
    for (const input of [
      'src/vendored/guardrails/audit/index.ts',
      'package.json',
      '../../node_modules/.pnpm/zod@4.0.0/node_modules/zod/index.js',
      'node_modules/zod/index.js',
      'nothing:supports-color',
    ])
      expect(bundleStaysInItsFolder([bundle('desk', input)]), input).toEqual([])
  })

  it(`${verifies('P6')} hold nothing that writes if they only read`, () => {
    expect(readerBundlesHoldNoWrites(bundles)).toEqual([])
    const others = bundles.filter(({ path }) => !path.startsWith('servers/crm-reader/'))
    for (const { path, inputs } of others) expect(inputs, path).toContain('src/vendored/call/writes/write-tool.ts')
    for (const input of [
      'src/vendored/call/writes/write-tool.ts',
      'writes/rest.ts',
      '../../node_modules/.pnpm/ioredis@6.0.0/node_modules/ioredis/built/index.js',
    ]) {
      expect(readerBundlesHoldNoWrites([bundle('crm-reader', input)]), input).not.toEqual([])
      expect(readerBundlesHoldNoWrites([bundle('desk', input)]), input).toEqual([])
    }
    expect(readerBundlesHoldNoWrites([bundle('crm-reader', 'src/vendored/call/tool.ts')])).toEqual([])
  })
})

function bundle(server: string, ...inputs: string[]): Bundle {
  return { path: `servers/${server}/dist/main.mjs`, text: '', inputs, listedBytes: 0 }
}

function filesReachedFrom(main: string): Set<string> {
  const sources = new Map(readSources().map(source => [source.path, source]))
  const found = new Set<string>([main])
  // A set yields what is added to it on the way.
  for (const path of found) {
    const source = sources.get(path)
    for (const { specifier, kind } of source && path.endsWith('.ts') ? importsOf(source) : []) {
      const target = specifier && kind !== 'type' ? resolveImport(path, specifier) : undefined
      if (target !== undefined) found.add(target)
    }
  }
  return found
}
