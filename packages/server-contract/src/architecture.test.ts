import { homedir, tmpdir } from 'node:os'
import { sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  bundleKnowsNoMachine,
  bundleStandsAlone,
  COPIED,
  copiesStaySmall,
  environmentInTwoFiles,
  fetchInTwoFiles,
  filesKnowTheirPlace,
  guardrailsStandAlone,
  listensInOneFile,
  nobodyImportsAServer,
  noDatabase,
  noPlainHttp,
  nothingEvaluates,
  preshipStandsAlone,
  type Rule,
  sdkInFewFiles,
  serversUseOnlyGuardrails,
  spawnInOneFile,
  toolsAreListed,
  toolsReachNothing,
} from './architecture-rules.ts'
import { ROOT, readBundles, readSources, SERVERS } from './repository.ts'
import type { Source } from './source-text.ts'

const sources = readSources()

/** A rule, what breaks it, and what only looks as if it did: each a file, or several where the rule is about several. */
interface Case {
  readonly title: string
  readonly rule: Rule
  readonly broken: readonly (Files | Source)[]
  readonly kept?: readonly (Files | Source)[]
}
type Files = readonly Source[]

const A = 'servers/desk/src'
const B = 'servers/blog/src'

function file(path: string, ...lines: string[]): Source {
  return { path, text: `${lines.join('\n')}\n` }
}

const TOOLS_INDEX = file(
  `${A}/tools/index.ts`,
  "import { openDesk } from './open-desk.ts'",
  'export const tools: readonly Tool<Ports>[] = [openDesk]',
)

const CASES: readonly Case[] = [
  {
    title: `${verifies('P13')} a server uses the guardrails and nothing else of ours`,
    rule: serversUseOnlyGuardrails,
    broken: [
      file(`${A}/main.ts`, "import { startBackend } from '@narrow-deputies/demo-stack'"),
      file(`${A}/main.ts`, "import type { World } from '@narrow-deputies/server-contract'"),
      file(`${A}/main.ts`, "export * from '../../../packages/guardrails/src/audit/key.ts'"),
      file(`${A}/main.ts`, "const { a } = await import('@narrow-deputies/preship')"),
      file(`${A}/main.ts`, 'const part = await import(name)'),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/preship'"),
    ],
    kept: [
      file(
        `${A}/main.ts`,
        "import { urlPath } from '@narrow-deputies/guardrails/path-guard'",
        "import manifest from '../package.json' with { type: 'json' }",
        "// import { x } from '@narrow-deputies/demo-stack'",
        'const text = "import x from \'@narrow-deputies/demo-stack\'"',
      ),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/server-contract'"),
    ],
  },
  {
    title: `${verifies('P13')} nobody imports a server`,
    rule: nobodyImportsAServer(['desk', 'blog']),
    broken: [
      file(`${A}/main.ts`, "import { a } from '../../blog/src/errors.ts'"),
      file(`${A}/main.ts`, "import type { A } from '@narrow-deputies/blog'"),
      file('servers/desk/test/a.test.ts', "import { a } from '@narrow-deputies/blog/errors'"),
      file('packages/guardrails/src/a.ts', "import { a } from '../../../servers/desk/src/errors.ts'"),
    ],
    kept: [file('servers/desk/test/a.test.ts', "import { a } from '../src/errors.ts'")],
  },
  {
    title: `${verifies('P13')} the guardrails have nothing of ours in them, and of others pino and Node alone`,
    rule: guardrailsStandAlone,
    broken: [
      file('packages/guardrails/src/audit/a.ts', "import { z } from 'zod'"),
      file('packages/guardrails/src/audit/a.ts', "import { x } from '@narrow-deputies/demo-stack'"),
      file('packages/guardrails/src/audit/a.ts', "import { x } from '../../../demo-stack/src/index.ts'"),
      file('packages/guardrails/src/audit/a.ts', "const zod = require('zod')"),
    ],
    kept: [
      file('packages/guardrails/src/audit/a.ts', "import { pino } from 'pino'", "import { join } from 'node:path'"),
      file('packages/guardrails/src/audit/a.test.ts', "import fc from 'fast-check'"),
    ],
  },
  {
    title: 'what examines servers shares nothing with the ones here',
    rule: preshipStandsAlone,
    broken: [
      file('packages/preship/src/a.ts', "import { x } from '@narrow-deputies/guardrails/audit'"),
      file('packages/preship/src/rules/a.ts', "import { x } from '../../../guardrails/src/audit/key.ts'"),
      file('packages/preship/src/a.ts', "import { Client } from '@modelcontextprotocol/client'"),
    ],
    kept: [
      file('packages/preship/src/a.ts', "import manifest from '../package.json' with { type: 'json' }"),
      file('packages/preship/src/rules/a.ts', "import { plain } from '../plain-text.ts'"),
      file('packages/preship/src/a.test.ts', "import { startBackend } from '@narrow-deputies/demo-stack'"),
      file('packages/preship/test/a.ts', "import { startBackend } from '@narrow-deputies/demo-stack'"),
    ],
  },
  {
    title: 'the SDK is known in few files',
    rule: sdkInFewFiles,
    broken: [
      file(`${A}/call-tool.ts`, "import type { CallToolResult } from '@modelcontextprotocol/server'"),
      file(`${A}/backends/http.ts`, "import '@modelcontextprotocol/server'"),
      file('packages/guardrails/src/audit/a.ts', "export type { A } from '@modelcontextprotocol/server/stdio'"),
    ],
    kept: [file(`${A}/server.ts`, "import { McpServer } from '@modelcontextprotocol/server'")],
  },
  {
    title: `${verifies('P5')} the environment is read in config.ts and credentials.ts only`,
    rule: environmentInTwoFiles,
    broken: [
      file(`${A}/main.ts`, 'const key = process.env.KEY'),
      file(`${A}/main.ts`, 'const text = `a ${process.env.KEY} b`'),
      file(`${A}/main.ts`, "const key = process['env']"),
      file(`${A}/main.ts`, 'const { env } = process'),
      file(`${A}/main.ts`, "import { env } from 'node:process'"),
      file(`${A}/backends/config.ts`, 'const key = process.env.KEY'),
      file('packages/guardrails/src/audit/a.ts', 'const key = process?.env.KEY'),
    ],
    kept: [
      file(`${A}/config.ts`, 'const url = process.env.URL'),
      file(`${A}/main.ts`, '// process.env is read elsewhere', "const text = 'process.env'", 'process.stdin.resume()'),
    ],
  },
  {
    title: `${verifies('P1')} a tool reaches no file, process or network by itself`,
    rule: toolsReachNothing,
    broken: [
      file(`${A}/tools/open-desk.ts`, "import { readFileSync } from 'node:fs'"),
      file(`${A}/tools/open-desk.ts`, "import { readFile } from 'fs/promises'"),
      file(`${A}/tools/open-desk.ts`, "import { spawn } from 'node:child_process'"),
      file(`${A}/tools/open-desk.ts`, "import { connect } from 'node:net'"),
      file(`${A}/tools/open-desk.ts`, "const { get } = await import('node:https')"),
    ],
    kept: [file(`${A}/tools/open-desk.ts`, "import { isAbsolute } from 'node:path'")],
  },
  {
    title: 'each file of a server knows only what it may',
    rule: filesKnowTheirPlace,
    broken: [
      file(`${A}/tools/open-desk.ts`, "import { readConfig } from '../config.ts'"),
      file(`${A}/tools/open-desk.ts`, "import type { Credential } from '../credentials.ts'"),
      file(`${A}/tools/open-desk.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${A}/tools/open-desk.ts`, "import { shutDesk } from './shut-desk.ts'"),
      file(`${A}/backends/rest.ts`, "import type { Config } from '../config.ts'"),
      file(`${A}/backends/rest.ts`, "import type { AuthorisedFetch } from '../credentials.ts'"),
      file(`${A}/backends/rest.ts`, "import { tools } from '../tools/index.ts'"),
      file(`${A}/backends/rest.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${A}/config.ts`, "import { CodedError } from './errors.ts'"),
      file(`${A}/vocabulary.ts`, "import type { Tool } from './tool.ts'"),
      file(`${A}/errors.ts`, "import manifest from '../package.json' with { type: 'json' }"),
      file(`${A}/call-tool.ts`, "import { restDesk } from './backends/rest.ts'"),
      file(`${A}/call-tool.ts`, "import type { ServerContext } from '@modelcontextprotocol/server'"),
      file(`${A}/credentials.ts`, "import { tools } from './tools/index.ts'"),
      file(`${A}/tool.ts`, "import { readCredential } from './credentials.ts'"),
      file(`${A}/server.ts`, "import { readCredential } from './credentials.ts'"),
      file(`${A}/confirm.ts`, "import { openDesk } from './tools/open-desk.ts'"),
      file(`${A}/backend.ts`, "import { openDesk } from './tools/open-desk.ts'"),
      file(`${A}/gate.ts`, "import { readCredential } from './credentials.ts'"),
      file(`${A}/exchange.ts`, "import { restDesk } from './backends/rest.ts'"),
      file(`${A}/single-use.ts`, "import { readConfig } from './config.ts'"),
    ],
    kept: [
      TOOLS_INDEX,
      file(`${A}/tools/open-desk.ts`, "import { defineTool } from '../tool.ts'"),
      file(`${A}/backends/rest.ts`, "import { exchange } from './http.ts'"),
      file(`${A}/config.ts`, "import { openDraftsFolder } from '@narrow-deputies/guardrails/path-guard'"),
      file(`${A}/call-tool.ts`, "import type { Desk } from './backend.ts'"),
    ],
  },
  {
    title: `${verifies('P5')} no server has a database driver`,
    rule: noDatabase,
    broken: [
      file(`${A}/backends/rest.ts`, "import { DatabaseSync } from 'node:sqlite'"),
      file('packages/guardrails/src/audit/a.ts', "import pg from 'pg'"),
      file(`${A}/single-use.ts`, "import { Redis } from 'ioredis'"),
      file(`${A}/shared-single-use.ts`, "import { createClient } from '@redis/client'"),
      file('servers/desk/package.json', '{ "devDependencies": { "drizzle-orm": "1.0.0" } }'),
      file('servers/desk/package.json', '{ "dependencies": { "@prisma/client": "1.0.0" } }'),
    ],
    kept: [
      file('servers/desk/package.json', '{ "devDependencies": { "pino": "10.0.0", "zod": "4.0.0" } }'),
      file(`${A}/shared-single-use.ts`, "import { Redis } from 'ioredis'"),
    ],
  },
  {
    title: 'a copy says that it is one, stays small and is not alone',
    rule: copiesStaySmall,
    broken: [
      file(`${A}/input.ts`, COPIED, 'export const a = 1'),
      [file(`${A}/input.ts`, COPIED), file(`${B}/input.ts`, 'export const a = 1')],
      [file(`${A}/input.ts`, COPIED), file(`${B}/input.ts`, COPIED, ...Array<string>(150).fill('a()'))],
    ],
    kept: [[file(`${A}/input.ts`, COPIED), file(`${B}/input.ts`, COPIED, ...Array<string>(149).fill('a()'))]],
  },
  {
    title: `${verifies('P1')} a tool’s file has its name, and the list of tools has every tool`,
    rule: toolsAreListed,
    broken: [
      [TOOLS_INDEX, file(`${A}/tools/shut-desk.ts`, "  name: 'shutDesk',")],
      [TOOLS_INDEX, file(`${A}/tools/desk.ts`, "  name: 'openDesk',")],
      [TOOLS_INDEX, file(`${A}/tools/open-desk.ts`, 'export const openDesk = 1')],
      [TOOLS_INDEX, file(`${A}/tools/open-desk.ts`, "  name: 'openDesk',", "  name: 'shutDesk',")],
      file(`${A}/tools/open-desk.ts`, "  name: 'openDesk',"),
    ],
    kept: [[TOOLS_INDEX, file(`${A}/tools/open-desk.ts`, "  name: 'openDesk',")]],
  },
  {
    title: `${verifies('P5', 'P6')} requests leave a server in credentials.ts, and in issuer.ts for public keys`,
    rule: fetchInTwoFiles,
    broken: [
      file(`${A}/backends/rest.ts`, 'const reply = await fetch(url)'),
      file(`${A}/backends/rest.ts`, 'const reply = await globalThis.fetch(url)'),
      file(`${A}/backends/rest.ts`, 'const send = fetch', 'send(url)'),
      file(`${A}/backends/rest.ts`, "import { request } from 'node:https'"),
      file(`${A}/backends/rest.ts`, "import { request } from 'undici'"),
      file(
        `${A}/backends/http.ts`,
        'export function one(fetch: AuthorisedFetch) {',
        '  return fetch({})',
        '}',
        'function two() {',
        '  return fetch({})',
        '}',
      ),
      file('packages/guardrails/src/audit/a.ts', 'void fetch(url)'),
    ],
    kept: [
      file(`${A}/credentials.ts`, 'const reply = await fetch(url)'),
      file(`${A}/issuer.ts`, 'const reply = await fetch(url)'),
      file(`${A}/http.ts`, 'listen({ fetch: serve })'),
      file(`${A}/backends/http.ts`, 'function one(fetch: AuthorisedFetch) {', '  return fetch({})', '}'),
      file(`${A}/backends/http.ts`, "const text = 'fetch(url)' // fetch(url)"),
    ],
  },
  {
    title: `${verifies('P15')} connections are taken in listen.ts only`,
    rule: listensInOneFile,
    broken: [
      file(`${A}/gate.ts`, "import { request } from 'node:http'"),
      file(`${A}/listen.ts`, "import { createServer, request } from 'node:http'"),
      file(`${A}/routes.ts`, "import { createServer } from 'node:http'"),
      file(`${A}/routes.ts`, "import * as http from 'http'"),
      file(`${A}/main.ts`, "import { connect, type Socket } from 'node:net'"),
      file(`${A}/main.ts`, "const net = await import('node:net')"),
    ],
    kept: [
      file(`${A}/listen.ts`, "import { createServer, type ServerResponse } from 'node:http'"),
      file(`${A}/routes.ts`, "import type { IncomingMessage, ServerResponse } from 'node:http'"),
      file(`${A}/listen.ts`, "import type { Socket } from 'node:net'"),
    ],
  },
  {
    title: `${verifies('P1')} a process is started in backends/ssh.ts only`,
    rule: spawnInOneFile,
    broken: [
      file(`${A}/tools/open-desk.ts`, "spawn('ls', [])"),
      file(`${A}/main.ts`, "import { spawn as start } from 'node:child_process'"),
      file('packages/guardrails/src/audit/a.ts', "fork('./other.js')"),
    ],
    kept: [file(`${A}/backends/ssh.ts`, "import { spawn } from 'node:child_process'", "spawn('ssh', args)")],
  },
  {
    title: `${verifies('P1')} no text becomes code or a command`,
    rule: nothingEvaluates,
    broken: [
      file(`${A}/main.ts`, 'eval(text)'),
      file(`${A}/main.ts`, 'const run = (0, eval)(text)'),
      file(`${A}/main.ts`, "const run = new Function('a', text)"),
      file('scripts/a.mjs', "import { exec } from 'node:child_process'"),
      file('scripts/a.mjs', 'exec(command)'),
      file('scripts/a.mjs', 'childProcess.execSync(command)'),
      file('packages/demo-stack/src/a.ts', "import * as childProcess from 'child_process'"),
      file(`${A}/backends/ssh.ts`, "spawn('ssh', args, { shell: true })"),
    ],
    kept: [
      file(`${A}/main.ts`, 'const match = /^a/.exec(text)', "const text = 'eval(x)'", '// eval(x)', 'a.retrieval(x)'),
    ],
  },
  {
    title: 'a plain-http address leads to this machine or to nobody',
    rule: noPlainHttp,
    broken: [
      file(`${A}/main.ts`, "const url = 'http://tickets.internal/v1'"),
      file(`${A}/main.ts`, "const url = 'http://127.0.0.1.attacker.net/'"),
      file('scripts/a.mjs', 'const url = `http://10.0.0.1:80`'),
    ],
    kept: [
      file(
        `${A}/main.ts`,
        "const a = 'http://127.0.0.1:8080/'",
        "const b = 'http://[::1]/'",
        "const c = 'http://crm.example/v1'",
        'const d = `http://${host}`',
      ),
    ],
  },
]

describe('the architecture', () => {
  it('is looked at where it is', () => {
    const paths = sources.map(({ path }) => path)
    for (const server of SERVERS)
      for (const part of ['package.json', 'src/main.ts', 'src/tools/index.ts', 'src/backends/http.ts'])
        expect(paths).toContain(`servers/${server}/${part}`)
    expect(paths).toContain('packages/guardrails/src/audit/audit-log.ts')
    expect(paths.filter(path => path.includes('node_modules/') || path.includes('/dist/'))).toEqual([])
    expect(sources.filter(({ text }) => text.startsWith(COPIED)).length).toBeGreaterThan(0)
  })

  it.each(CASES.map(({ title, rule }) => [title, rule] as const))('%s', (_, rule) => {
    expect(rule(sources)).toEqual([])
  })

  // A rule that holds of everything would be no rule.
  it.each(CASES.map(({ title, ...rest }) => [title.replace(/^\[.*\] /, ''), rest] as const))(
    'tells what breaks it from what does not: %s',
    (_, { rule, broken, kept = [] }) => {
      for (const files of broken) expect(rule(listOf(files)), textOf(files)).not.toEqual([])
      for (const files of kept) expect(rule(listOf(files)), textOf(files)).toEqual([])
    },
  )
})

describe('the built servers', () => {
  const bundles = readBundles()
  // A folder that is somebody's, not one that any text could hold.
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
      expect(bundleStandsAlone([file('main.js', line)]), line).not.toEqual([])
    expect(bundleStandsAlone([file('main.js', 'import { join } from "path"', 'var fs = __require("fs")')])).toEqual([])
  })

  it('hold no path of the machine that built them', () => {
    const rule = bundleKnowsNoMachine(places)
    expect(rule(bundles)).toEqual([])
    expect(rule([file('main.js', `// ${ROOT}/node_modules/zod/index.js`)])).not.toEqual([])
  })

  it('are one file of at most 2 MB each', () => {
    for (const { path, text } of bundles) expect(Buffer.byteLength(text), path).toBeLessThanOrEqual(2_000_000)
  })
})

function listOf(files: Files | Source): Files {
  return 'path' in files ? [files] : files
}

function textOf(files: Files | Source): string {
  return listOf(files)
    .map(({ path, text }) => `${path}: ${text.slice(0, 200)}`)
    .join('')
}
