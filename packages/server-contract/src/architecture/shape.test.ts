import { describe, expect, it } from 'vitest'
import { readSources, SERVERS } from '../repository.ts'
import { type Case, COPY, DESK, describeRules, file, GUARDRAILS, KIT } from './cases.ts'
import { filesAreShort, READERS, readersHoldNoWrites, roomsHaveDoors, toolsAreListed } from './shape.ts'

const TOOLS_INDEX = file(
  `${DESK}/tools/index.ts`,
  "import { openDesk } from './open-desk.ts'",
  'export const tools: readonly Tool<Ports>[] = [openDesk]',
)

function tool(path: string, name: string, made = 'defineTool<Ports>()({') {
  return file(`${DESK}/tools/${path}`, `export const ${name} = ${made}`, `  name: '${name}',`, '})')
}

const CASES: readonly Case[] = [
  {
    title: 'each room has a door',
    rule: roomsHaveDoors,
    broken: [
      file(`${KIT}/call/tool.ts`, 'export const a = 1'),
      [file(`${KIT}/call/index.ts`), file(`${KIT}/call/writes/write-tool.ts`, 'export const a = 1')],
      [file(`${KIT}/call/index.ts`), file(`${COPY}/call/tool.ts`, 'export const a = 1')],
      file(`${GUARDRAILS}/audit/key.ts`, 'export const a = 1'),
    ],
    kept: [
      [file(`${KIT}/call/index.ts`), file(`${KIT}/call/tool.ts`, 'export const a = 1')],
      file(`${COPY}/build/tsup.base.ts`, 'export const a = 1'),
      file(`${DESK}/backends/rest.ts`, 'export const a = 1'),
    ],
  },
  {
    title: 'a file that ships has at most 250 lines',
    rule: filesAreShort,
    broken: [
      file(`${KIT}/call/tool.ts`, ...Array<string>(251).fill('a()')),
      file(`${COPY}/call/tool.ts`, ...Array<string>(251).fill('a()')),
      file(`${GUARDRAILS}/audit/key.ts`, ...Array<string>(251).fill('a()')),
      file(`${DESK}/main.ts`, ...Array<string>(251).fill('a()')),
    ],
    kept: [
      file(`${KIT}/call/tool.ts`, ...Array<string>(250).fill('a()')),
      file(`${KIT}/call/tool.test.ts`, ...Array<string>(251).fill('a()')),
    ],
  },
  {
    title: `${verifies('P1')} a tool’s file has its name, and the list of tools has every tool`,
    rule: toolsAreListed,
    broken: [
      [TOOLS_INDEX, tool('shut-desk.ts', 'shutDesk')],
      [TOOLS_INDEX, tool('desk.ts', 'openDesk')],
      [TOOLS_INDEX, file(`${DESK}/tools/open-desk.ts`, 'export const openDesk = 1')],
      [TOOLS_INDEX, tool('open-desk.ts', 'openDesk', "{ name: 'openDesk', effect: 'read' }")],
      [TOOLS_INDEX, tool('open-desk.ts', 'openDesk', "defineTool<Ports>()({\n  name: 'shutDesk',")],
      tool('open-desk.ts', 'openDesk'),
    ],
    kept: [
      [TOOLS_INDEX, tool('open-desk.ts', 'openDesk')],
      [TOOLS_INDEX, tool('open-desk.ts', 'openDesk', 'defineWriteTool<Ports>()({')],
    ],
  },
  {
    title: `${verifies('P6')} a server that only reads has no folder that writes`,
    rule: readersHoldNoWrites,
    broken: [
      file('servers/crm-reader/src/vendored/call/writes/write-tool.ts', 'export const a = 1'),
      file('servers/crm-reader/src/backends/writes/rest.ts', 'export const a = 1'),
      file('servers/crm-reader/package.json', '{ "devDependencies": { "ioredis": "6.0.0" } }'),
    ],
    kept: [
      file('servers/crm-reader/src/vendored/call/tool.ts', 'export const a = 1'),
      file('servers/crm-reader/package.json', '{ "devDependencies": { "zod": "4.0.0" } }'),
      file(`${COPY}/call/writes/write-tool.ts`, 'export const a = 1'),
    ],
  },
]

describeRules('the shape of the code', CASES)

describe('the architecture', () => {
  const paths = readSources().map(({ path }) => path)

  it('is checked where it is', () => {
    const rooms = ['call', 'call/registration', 'backend', 'stdio', 'remote', 'setup']
    for (const server of SERVERS)
      for (const part of [
        'package.json',
        'tsup.config.ts',
        ...['main', 'config', 'ports', 'vocabulary', 'tools/index', 'backends/rest'].map(name => `src/${name}.ts`),
        ...[...rooms, 'guardrails/audit', 'guardrails/path-guard'].map(room => `src/vendored/${room}/index.ts`),
      ])
        expect(paths).toContain(`servers/${server}/${part}`)
    for (const room of [...rooms, 'call/writes', 'backend/writes', 'setup/writes'])
      expect(paths).toContain(`${KIT}/${room}/index.ts`)
    expect(paths).toContain(`${GUARDRAILS}/audit/audit-log.ts`)
    expect(paths.filter(path => path.includes('node_modules/') || path.includes('/dist/'))).toEqual([])
  })

  it('makes exceptions only for files that exist', () => {
    for (const excepted of [
      `${KIT}/backend/pinned-fetch.ts`,
      `${KIT}/remote/issuer-keys.ts`,
      `${KIT}/remote/http-server.ts`,
      `${KIT}/call/writes/redis-nonce-store.ts`,
      'servers/blog-publisher/src/backends/ssh.ts',
    ])
      expect(paths).toContain(excepted)
    for (const reader of READERS) expect(SERVERS).toContain(reader)
  })
})
