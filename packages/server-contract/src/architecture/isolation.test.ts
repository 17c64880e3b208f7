import { type Case, COPY, DESK, describeRules, file, GUARDRAILS, KIT } from './cases.ts'
import {
  doorsAreMapped,
  guardrailsStandAlone,
  nobodyImportsAServer,
  nobodyImportsTheKit,
  preshipStandsAlone,
  serversStandAlone,
} from './isolation.ts'

const DESK_MANIFEST = file('servers/desk/package.json', '{ "name": "@narrow-deputies/desk" }')
const SERVER_MAP = '"imports": { "#*": "./src/vendored/*/index.ts" }'

const CASES: readonly Case[] = [
  {
    title: `${verifies('P13')} a server imports nothing of ours but its own folder`,
    rule: serversStandAlone,
    broken: [
      file(`${DESK}/main.ts`, "import { startBackend } from '@narrow-deputies/demo-stack'"),
      file(`${DESK}/main.ts`, "import { urlPath } from '@narrow-deputies/guardrails/path-guard'"),
      file(`${DESK}/main.ts`, "import type { World } from '@narrow-deputies/server-contract'"),
      file(`${DESK}/main.ts`, "export * from '../../../packages/guardrails/src/audit/key.ts'"),
      file(`${DESK}/main.ts`, "import { a } from '../../blog/src/ports.ts'"),
      file(`${DESK}/main.ts`, "const { a } = await import('@narrow-deputies/preship')"),
      file(`${DESK}/main.ts`, 'const part = await import(name)'),
      file(`${DESK}/main.ts`, "start(); import { a } from '@narrow-deputies/demo-stack'"),
      file(`${DESK}/test/a.ts`, "import { startBackend } from '@narrow-deputies/demo-stack'"),
      file(`${COPY}/call/tool.ts`, "import type { Effect } from '@narrow-deputies/guardrails/audit'"),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/preship'"),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/server-kit'"),
      file('servers/desk/test/a.test.ts', "import { x } from '../../../packages/server-contract/src/index.ts'"),
      file('servers/desk/tsup.config.ts', "export { oneFile as default } from '../../tsup.base.ts'"),
      file('servers/desk/tsup.config.ts', "import { defineConfig } from 'tsup'"),
      file('servers/desk/package.json', '{ "devDependencies": { "@narrow-deputies/guardrails": "workspace:*" } }'),
      file('servers/desk/test/package.json', '{ "devDependencies": { "@narrow-deputies/server-kit": "workspace:*" } }'),
    ],
    kept: [
      file(
        `${DESK}/main.ts`,
        "import { urlPath } from '#guardrails/path-guard'",
        "import manifest from '../package.json' with { type: 'json' }",
        "// import { x } from '@narrow-deputies/demo-stack'",
        'const text = "import x from \'@narrow-deputies/demo-stack\'"',
      ),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/server-contract'"),
      file('servers/desk/test/a.test.ts', "import { x } from '@narrow-deputies/guardrails/audit'"),
      file(`${DESK}/config.test.ts`, "import { x } from '@narrow-deputies/demo-stack'", 'await import(name)'),
      file('servers/desk/tsup.config.ts', "export { oneFile as default } from './src/vendored/build/tsup.base.ts'"),
      file('servers/desk/package.json', '{ "devDependencies": { "zod": "4.0.0" } }'),
      file('servers/desk/test/package.json', '{ "devDependencies": { "@narrow-deputies/demo-stack": "workspace:*" } }'),
    ],
  },
  {
    title: 'a name with # means the same room in every server, and in the kit',
    rule: doorsAreMapped,
    broken: [
      file('servers/desk/package.json', '{ "imports": { "#*": "../../packages/server-kit/src/*/index.ts" } }'),
      file('servers/desk/package.json', `{ ${SERVER_MAP.replace(' }', ', "#x": "pino" }')} }`),
      file('servers/desk/package.json', '{}'),
      file('packages/server-kit/package.json', `{ ${SERVER_MAP} }`),
    ],
    kept: [
      file('servers/desk/package.json', `{ ${SERVER_MAP} }`),
      file(
        'packages/server-kit/package.json',
        '{ "imports": { "#guardrails/*": "./guardrails/*.ts", "#*": "./src/*/index.ts" } }',
      ),
      file('packages/guardrails/package.json', '{}'),
      file('servers/desk/test/package.json', '{}'),
    ],
  },
  {
    title: `${verifies('P13')} nobody imports a server`,
    rule: nobodyImportsAServer,
    broken: [
      file('servers/blog/src/main.ts', "import { a } from '../../desk/src/ports.ts'"),
      [DESK_MANIFEST, file('servers/blog/src/main.ts', "import type { A } from '@narrow-deputies/desk'")],
      [DESK_MANIFEST, file('servers/blog/test/a.test.ts', "import { a } from '@narrow-deputies/desk/ports'")],
      file(`${GUARDRAILS}/a.ts`, "import { a } from '../../../servers/desk/src/ports.ts'"),
      file(
        'packages/server-contract/bench/bench.ts',
        "import { tools } from '../../../servers/desk/src/tools/index.ts'",
      ),
      file('scripts/docs.ts', "import { start } from '../servers/desk/src/main.ts'"),
      file('scripts/docs.ts', "import { defineTool } from '../servers/desk/src/vendored/call/index.ts'"),
      file('packages/demo-stack/src/a.mjs', "await import('../../../servers/desk/src/config.ts')"),
    ],
    kept: [
      [DESK_MANIFEST, file('servers/desk/test/a.test.ts', "import { a } from '../src/ports.ts'")],
      [DESK_MANIFEST, file('servers/blog/test/a.test.ts', "import { a } from '@narrow-deputies/desktop'")],
      // Documents are generated from what servers declare.
      file('scripts/docs.ts', "import { tools } from '../servers/desk/src/tools/index.ts'"),
      file('scripts/docs.ts', "import { settings } from '../servers/desk/src/config.ts'"),
    ],
  },
  {
    title: `${verifies('P13')} nobody imports the kit: it is copied`,
    rule: nobodyImportsTheKit,
    broken: [
      file(`${DESK}/main.ts`, "import { start } from '../../../packages/server-kit/src/setup/index.ts'"),
      file('packages/server-contract/src/a.ts', "import { start } from '../../server-kit/src/setup/index.ts'"),
      file('packages/demo-stack/src/a.ts', "import type { Tool } from '@narrow-deputies/server-kit'"),
      file('packages/demo-stack/src/a.test.ts', "import type { Tool } from '@narrow-deputies/server-kit/call'"),
      file(
        'packages/demo-stack/package.json',
        '{ "devDependencies": { "@narrow-deputies/server-kit": "workspace:*" } }',
      ),
    ],
    kept: [
      file(`${KIT}/call/call-tool.ts`, "import type { Tool } from './tool.ts'"),
      file('packages/server-kit/package.json', '{ "name": "@narrow-deputies/server-kit" }'),
    ],
  },
  {
    title: `${verifies('P13')} the guardrails import nothing of ours, and of others only pino and Node`,
    rule: guardrailsStandAlone,
    broken: [
      file(`${GUARDRAILS}/audit/a.ts`, "import { z } from 'zod'"),
      file(`${GUARDRAILS}/audit/a.ts`, "import { x } from '@narrow-deputies/demo-stack'"),
      file(`${GUARDRAILS}/audit/a.ts`, "import { x } from '../../../demo-stack/src/index.ts'"),
      file(`${GUARDRAILS}/audit/a.ts`, "const zod = require('zod')"),
      file(`${COPY}/guardrails/audit/a.ts`, "import { CodedError } from '#call'"),
    ],
    kept: [
      file(`${GUARDRAILS}/audit/a.ts`, "import { pino } from 'pino'", "import { join } from 'node:path'"),
      file(`${GUARDRAILS}/audit/a.test.ts`, "import fc from 'fast-check'"),
      file(`${COPY}/guardrails/audit/a.ts`, "import { parseAuditKey } from './key.ts'"),
    ],
  },
  {
    title: 'preship shares nothing with the servers that it examines',
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
]

describeRules('what is shared', CASES)
