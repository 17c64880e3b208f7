import * as z from 'zod'
import { authoriseReads, exchange } from '../../src/backend/index.ts'
import { type CallContext, defineTool } from '../../src/call/index.ts'
import { defineWriteTool } from '../../src/call/writes/index.ts'
import { backendVariables } from '../../src/setup/common-variables.ts'
import type { Credential } from '../../src/setup/credentials.ts'
import type { Server } from '../../src/setup/server.ts'
import { type ConfigOf, defineSettings } from '../../src/setup/settings.ts'
import { optional, secret, withDefault } from '../../src/setup/variable.ts'
import { confirmWrites } from '../../src/setup/writes/index.ts'

const settings = defineSettings({
  ...backendVariables('TINY', 'thing', ['rest']),
  word: optional('TINY_WORD', 'a word', z.string().max(100), 'there is no word'),
  confirm: withDefault('TINY_CONFIRM', 'whether to ask', z.enum(['required', 'description']), 'required'),
})

export type TinyConfig = ConfigOf<typeof settings>

/** What is on record of a call is in clear. */
const Answer = z.strictObject({ said: z.string().max(20).meta({ audit: 'clear' }) })

const answer = defineTool<undefined>()({
  name: 'answer',
  title: 'Answer',
  summary: 'Answers.',
  worstCase: 'Nothing.',
  effect: 'read',
  scope: 'things:read',
  input: z.strictObject({}),
  output: Answer,
  guard: () => undefined,
  handler: async () => ({ said: 'answered' }),
})

const act = defineWriteTool<undefined>()({
  name: 'act',
  title: 'Act',
  summary: 'Acts.',
  worstCase: 'It is done at the wrong time.',
  effect: 'irreversible',
  scope: 'things:write',
  input: z.strictObject({}),
  output: Answer,
  guard: () => undefined,
  confirm: () => 'Do it?',
  handler: async () => ({ said: 'done' }),
})

const described = {
  name: 'tiny',
  version: '1.2.3',
  purpose: 'answers',
  settings,
  credential: secret('TINY_API_KEY', 'the API key'),
  scopes: ['things:read', 'things:list'],
} as const

function whoamiAt(apiUrl: URL, credential: Credential) {
  const send = credential.connect(authoriseReads, apiUrl, ['GET /whoami'])
  const reply = z.object({ name: z.string(), scopes: z.array(z.string()) })
  return (call: CallContext) => exchange(send, call, { endpoint: 'GET /whoami', path: '/whoami', reply })
}

/** A server that is complete, and as small as one can be. */
export const tinyServer: Server<TinyConfig, undefined> = {
  ...described,
  writes: confirmWrites<TinyConfig>(({ confirm }) => confirm === 'required'),
  connect: ({ apiUrl }, credential) => ({
    ports: undefined,
    tools: [answer, act],
    whoami: whoamiAt(apiUrl, credential),
  }),
}

/** The same without writes. */
export const tinyReader: Server<TinyConfig, undefined> = {
  ...described,
  connect: ({ apiUrl }, credential) => ({ ports: undefined, tools: [answer], whoami: whoamiAt(apiUrl, credential) }),
}
