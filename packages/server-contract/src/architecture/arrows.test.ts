import { describe, expect, it } from 'vitest'
import { readSources } from '../repository.ts'
import {
  importsFormNoCircle,
  packagesStayInTheirParts,
  partsFollowTheArrows,
  remotePartsAreLoadedLate,
  roomsAreEnteredByTheirDoors,
} from './arrows.ts'
import { type Case, COPY, DESK, describeRules, file, GUARDRAILS, KIT } from './cases.ts'
import { PARTS, placeOf } from './parts.ts'

const CASES: readonly Case[] = [
  {
    title: 'a room is imported by its door from outside, and by paths inside',
    rule: roomsAreEnteredByTheirDoors,
    broken: [
      file(`${DESK}/main.ts`, "import { start } from './vendored/setup/index.ts'"),
      file(`${DESK}/tools/open-desk.ts`, "import { defineTool } from '../vendored/call/tool.ts'"),
      file(`${DESK}/main.ts`, "import { pinFetch } from '#backend/pinned-fetch'"),
      file(`${DESK}/main.ts`, "import { parseAuditKey } from '#guardrails'"),
      file(`${DESK}/main.ts`, "import { oneFile } from '#build'"),
      file(`${DESK}/config.test.ts`, "import { readSettings } from './vendored/setup/settings.ts'"),
      file('servers/desk/test/a.test.ts', "import { start } from '../src/vendored/setup/start.ts'"),
      file('servers/desk/tsup.config.ts', "import { start } from './src/vendored/setup/index.ts'"),
      file(`${KIT}/backend/attempt.ts`, "import { CodedError } from '../call/index.ts'"),
      file(`${KIT}/call/input.ts`, "import { CodedError } from '#call'"),
      file(`${KIT}/call/writes/confirmation.ts`, "import { CodedError } from '#call'"),
      file(`${KIT}/call/tool.ts`, "import type { Effect } from '../../../guardrails/src/audit/index.ts'"),
      file(`${COPY}/call/tool.ts`, "import type { Effect } from '../guardrails/audit/index.ts'"),
    ],
    kept: [
      file(`${DESK}/main.ts`, "import { start } from '#setup'", "import { confirmWrites } from '#setup/writes'"),
      file(`${DESK}/config.test.ts`, "import { readSettings } from '#setup'"),
      file('servers/desk/tsup.config.ts', "export { oneFile as default } from './src/vendored/build/tsup.base.ts'"),
      file(`${KIT}/call/tool.ts`, "import type { Effect } from '#guardrails/audit'"),
      file(`${KIT}/call/writes/confirmation.ts`, "import { CodedError } from '../errors.ts'"),
      file(`${KIT}/call/input.test.ts`, "import { CodedError } from '#call'"),
    ],
  },
  {
    title: `${verifies('P13')} each part of a server imports only the parts that its row of the table names`,
    rule: partsFollowTheArrows,
    broken: [
      // Rooms never import what a server adds.
      file(`${COPY}/call/call-tool.ts`, "import { tools } from '../../tools/index.ts'"),
      file(`${COPY}/setup/start.ts`, "import { settings } from '../../config.ts'"),
      file(`${COPY}/build/tsup.base.ts`, "import manifest from '../../../package.json' with { type: 'json' }"),
      // Rooms among each other.
      file(`${COPY}/guardrails/audit/call.ts`, "import { CodedError } from '#call'"),
      file(`${GUARDRAILS}/audit/call.ts`, "import { urlPath } from '../path-guard/url-path.ts'"),
      file(`${KIT}/call/call-tool.ts`, "import { createServerFactory } from './registration/index.ts'"),
      file(`${KIT}/call/call-tool.ts`, "import type { WriteTool } from './writes/write-tool.ts'"),
      file(`${KIT}/call/call-tool.ts`, "import type { BackendCall } from '#backend'"),
      file(`${KIT}/call/registration/registration.ts`, "import { createConfirmations } from '../writes/index.ts'"),
      file(`${KIT}/backend/attempt.ts`, "import { authoriseWrites } from './writes/index.ts'"),
      file(`${KIT}/backend/attempt.ts`, "import { ConfigError } from '#setup'"),
      file(`${KIT}/backend/attempt.ts`, "import type { Era } from '#call/registration'"),
      file(`${KIT}/backend/writes/write-once.ts`, "import { createNonceStore } from '#call/writes'"),
      file(`${KIT}/stdio/serve-stdio.ts`, "import { ConfigError } from '#setup'"),
      file(`${KIT}/stdio/serve-stdio.ts`, "import { serveHttp } from '#remote'"),
      file(`${KIT}/remote/admission.ts`, "import type { Credential } from '#setup'"),
      file(`${KIT}/remote/admission.ts`, "import { exchange } from '#backend'"),
      file(`${KIT}/remote/mcp-endpoint.ts`, "import { createNonceStore } from '#call/writes'"),
      file(`${KIT}/setup/start.ts`, "import { confirmWrites } from './writes/index.ts'"),
      file(`${KIT}/setup/start.ts`, "import { createNonceStore } from '#call/writes'"),
      file(`${KIT}/setup/start.ts`, "import { test } from './start.test.ts'"),
      // A server's own parts.
      file(`${DESK}/tools/open-desk.ts`, "import { settings } from '../config.ts'"),
      file(`${DESK}/tools/open-desk.ts`, "import type { Settings } from '#setup'"),
      file(`${DESK}/tools/open-desk.ts`, "import { openAuditLog } from '#guardrails/audit'"),
      file(`${DESK}/tools/open-desk.ts`, "import { restDesk } from '../backends/rest.ts'"),
      file(`${DESK}/tools/open-desk.ts`, "import { exchange } from '#backend'"),
      file(`${DESK}/tools/open-desk.ts`, "import { shutDesk } from './shut-desk.ts'"),
      file(`${DESK}/tools/open-desk.ts`, "import { tools } from './index.ts'"),
      file(`${DESK}/tools/index.ts`, "import { restDesk } from '../backends/rest.ts'"),
      file(`${DESK}/backends/rest.ts`, "import type { Config } from '../config.ts'"),
      file(`${DESK}/backends/rest.ts`, "import { tools } from '../tools/index.ts'"),
      file(`${DESK}/backends/rest.ts`, "import { ConfigError } from '#setup'"),
      file(`${DESK}/config.ts`, "import { CodedError } from '#call'"),
      file(`${DESK}/config.ts`, "import { REST_ENDPOINTS } from './backends/rest.ts'"),
      file(`${DESK}/config.ts`, "import manifest from '../package.json' with { type: 'json' }"),
      file(`${DESK}/ports.ts`, "import type { ReadingFetch } from '#backend'"),
      file(`${DESK}/ports.ts`, "import { openDesk } from './tools/open-desk.ts'"),
      file(`${DESK}/vocabulary.ts`, "import type { Desk } from './ports.ts'"),
      file(`${DESK}/drafts/article.ts`, "import type { Desk } from '../ports.ts'"),
      // A file in a place without a row could import anything.
      file(`${DESK}/extras.ts`, 'export const a = 1'),
      file(`${DESK}/backends/rest/client.ts`, 'export const a = 1'),
      file(`${KIT}/call/later/tool.ts`, 'export const a = 1'),
      file(`${KIT}/start.ts`, 'export const a = 1'),
    ],
    kept: [
      file(
        `${DESK}/main.ts`,
        "import { authoriseWrites } from '#backend/writes'",
        "import { start } from '#setup'",
        "import manifest from '../package.json' with { type: 'json' }",
        "import { restDesk } from './backends/rest.ts'",
        "import { settings } from './config.ts'",
        "import { tools } from './tools/index.ts'",
      ),
      file(
        `${DESK}/tools/open-desk.ts`,
        "import { defineWriteTool } from '#call/writes'",
        "import { isDraftName } from '#guardrails/path-guard'",
        "import { readArticle } from '../drafts/article.ts'",
        "import type { Desk } from '../ports.ts'",
      ),
      file(`${DESK}/tools/index.ts`, "import { openDesk } from './open-desk.ts'"),
      file(`${DESK}/backends/rest.ts`, "import { exchange } from '#backend'", "import { host } from './ssh.ts'"),
      file(`${DESK}/config.ts`, "import { secret } from '#setup'", "import { FIELDS } from './vocabulary.ts'"),
      file(`${KIT}/call/writes/confirmation.ts`, "import type { Era } from '../registration/registration.ts'"),
      file(`${KIT}/backend/writes/write-once.ts`, "import { attempt } from '../attempt.ts'"),
      file(`${KIT}/setup/start.ts`, "import type { Addresses } from '#remote'"),
      file(`${KIT}/setup/writes/index.ts`, "import { createNonceStore } from '#call/writes'"),
      file(`${KIT}/setup/start.test.ts`, "import { createNonceStore } from '#call/writes'"),
    ],
  },
  {
    title: 'the SDK is known in the rooms that speak the protocol',
    rule: packagesStayInTheirParts,
    broken: [
      file(`${KIT}/call/call-tool.ts`, "import type { CallToolResult } from '@modelcontextprotocol/server'"),
      file(`${KIT}/backend/attempt.ts`, "import '@modelcontextprotocol/server'"),
      file(`${KIT}/setup/start.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${DESK}/main.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${DESK}/backends/rest.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${GUARDRAILS}/audit/a.ts`, "export type { A } from '@modelcontextprotocol/server/stdio'"),
    ],
    kept: [
      file(`${KIT}/call/registration/registration.ts`, "import { McpServer } from '@modelcontextprotocol/server'"),
      file(`${KIT}/call/writes/confirmation.ts`, "import { inputRequired } from '@modelcontextprotocol/server'"),
      file(`${KIT}/stdio/serve-stdio.ts`, "import { serveStdio } from '@modelcontextprotocol/server/stdio'"),
      file(`${COPY}/remote/mcp-endpoint.ts`, "import { toNodeHandler } from '@modelcontextprotocol/node'"),
    ],
  },
  {
    title: `${verifies('P1')} a tool reaches no file, process or network by itself`,
    rule: packagesStayInTheirParts,
    broken: [
      file(`${DESK}/tools/open-desk.ts`, "import { readFileSync } from 'node:fs'"),
      file(`${DESK}/tools/open-desk.ts`, "import { readFile } from 'fs/promises'"),
      file(`${DESK}/tools/open-desk.ts`, "import { spawn } from 'node:child_process'"),
      file(`${DESK}/tools/open-desk.ts`, "import { connect } from 'node:net'"),
      file(`${DESK}/tools/open-desk.ts`, "import { resolve } from 'node:dns'"),
      file(`${DESK}/tools/open-desk.ts`, "import { request } from 'undici'"),
      file(`${DESK}/tools/open-desk.ts`, "const { get } = await import('node:https')"),
      file(`${DESK}/tools/open-desk.ts`, "const fs = process.getBuiltinModule('node:fs')"),
      file(`${DESK}/tools/index.ts`, "import { readFileSync } from 'node:fs'"),
      file(`${DESK}/drafts/article.ts`, "import { readFileSync } from 'node:fs'"),
      file(`${DESK}/vocabulary.ts`, "import { readFileSync } from 'node:fs'"),
      file(`${KIT}/call/call-tool.ts`, "import { readFileSync } from 'node:fs'"),
    ],
    kept: [
      file(`${DESK}/tools/open-desk.ts`, "import { isAbsolute } from 'node:path'", "import * as z from 'zod'"),
      file(`${DESK}/drafts/article.ts`, "import { isUtf8 } from 'node:buffer'"),
      file(`${DESK}/backends/ssh.ts`, "import { spawn } from 'node:child_process'"),
    ],
  },
  {
    title: 'the rooms for remote callers are loaded only where they are needed',
    rule: remotePartsAreLoadedLate,
    broken: [
      file(`${KIT}/setup/start.ts`, "import { serveHttp } from '#remote'"),
      file(`${KIT}/setup/start.ts`, "import { type Addresses } from '#remote'"),
      file(`${DESK}/main.ts`, "export { serveHttp } from '#remote'"),
      file(`${KIT}/call/writes/index.ts`, "export { connectRedis } from './redis-nonce-store.ts'"),
    ],
    kept: [
      file(`${KIT}/setup/start.ts`, "const { serveHttp } = await import('#remote')"),
      file(`${KIT}/setup/remote-settings.ts`, "import type { Addresses } from '#remote'"),
      file(
        `${KIT}/call/writes/index.ts`,
        "export type { SharedNonceStore } from './redis-nonce-store.ts'",
        "export { createNonceStore } from './nonce-store.ts'",
      ),
    ],
  },
  {
    title: 'no file imports itself by way of others',
    rule: importsFormNoCircle,
    broken: [
      [
        file(`${KIT}/call/input.ts`, "import { a } from './errors.ts'"),
        file(`${KIT}/call/errors.ts`, "import type { B } from './input.ts'"),
      ],
      [
        file(`${COPY}/call/index.ts`, "export { a } from './tool.ts'"),
        file(`${COPY}/call/tool.ts`, "import { b } from '#backend'"),
        file(`${COPY}/backend/index.ts`, "const { a } = await import('#call')"),
      ],
      file(`${DESK}/ports.ts`, "import { a } from './ports.ts'"),
    ],
    kept: [
      [
        file(`${KIT}/call/index.ts`, "export { a } from './input.ts'", "export { b } from './errors.ts'"),
        file(`${KIT}/call/input.ts`, "import { b } from './errors.ts'"),
        file(`${KIT}/call/errors.ts`, 'export const b = 1'),
      ],
      // Two copies do not import each other.
      [
        file(`${KIT}/call/index.ts`, "import { a } from '#guardrails/audit'"),
        file(`${COPY}/guardrails/audit/index.ts`, "import { a } from '#call'"),
      ],
    ],
  },
]

describeRules('what a server is made of', CASES)

describe('the table of parts', () => {
  it('has no row that nothing belongs to', () => {
    const used = new Set(readSources().map(({ path }) => placeOf(path)?.part))
    expect(Object.keys(PARTS).filter(part => !used.has(part))).toEqual([])
  })

  it('names no part that has no row, but the manifest', () => {
    const named = new Set(Object.values(PARTS).flatMap(({ parts }) => parts))
    expect([...named].filter(part => !(part in PARTS))).toEqual(['package.json'])
  })
})

describe('a circle of imports', () => {
  it('is reported with each file on its way', () => {
    expect(
      importsFormNoCircle([
        file(`${KIT}/call/index.ts`, "export { a } from './tool.ts'"),
        file(`${KIT}/call/tool.ts`, "import { b } from '#backend'"),
        file(`${KIT}/backend/index.ts`, "import { a } from '#call'"),
      ]),
    ).toEqual([`${KIT}/call/index.ts → ${KIT}/call/tool.ts → ${KIT}/backend/index.ts → ${KIT}/call/index.ts`])
  })
})
