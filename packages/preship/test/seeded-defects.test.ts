import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Item } from '../src/finding.ts'
import { type Change, type OurServer, OurServers } from './our-servers.ts'
import { codesOf } from './probed.ts'

const ours = new OurServers()
beforeAll(() => ours.open())
afterAll(() => ours.close())

interface Defect {
  readonly what: string
  readonly server: OurServer
  readonly changes: readonly Change[]
  readonly item: Item
  /** A code with which the defect has to be found. */
  readonly code: string
  readonly env?: Record<string, string>
  readonly remote?: true
}

const ASKING = { TICKET_CONFIRM: 'required' }
const ERROR_TEXT = 'text: `${code}: ${message2}`'
const ASK_OR_REFUSE = 'if (!asksForms(elicitation))\n      throw'

/** Typical mistakes. Each is inserted into a copy of a server that has none. */
const DEFECTS: readonly Defect[] = [
  {
    what: 'the handler does not validate its arguments',
    server: 'ticket-handler',
    changes: [['if (parsed.success) return parsed.data;', 'return parsed.success ? parsed.data : args;']],
    item: 2,
    code: 'ARGUMENT_UNKNOWN_ACCEPTED',
  },
  {
    what: 'unknown arguments are ignored silently',
    server: 'crm-reader',
    changes: [['parse: (args) => input.safeParse(args)', 'parse: (args) => input.strip().safeParse(args)']],
    item: 2,
    code: 'ARGUMENT_UNKNOWN_ACCEPTED',
  },
  {
    what: 'the schema and the handler allow unknown arguments',
    server: 'ticket-handler',
    changes: [['input: strictObject({ ticketId: TicketId })', 'input: looseObject({ ticketId: TicketId })']],
    item: 2,
    code: 'ARGUMENT_UNKNOWN_IGNORED',
  },
  {
    what: 'numbers are coerced to strings',
    server: 'crm-reader',
    changes: [
      [
        'parse: (args) => input.safeParse(args)',
        'parse: (args) => input.safeParse(Object.fromEntries(Object.entries(args).map(([k, v]) => [k, typeof v === "number" ? "an" : v])))',
      ],
    ],
    item: 2,
    code: 'TYPE_NOT_ENFORCED',
  },
  {
    what: 'strings are truncated instead of rejected',
    server: 'crm-reader',
    changes: [
      [
        'parse: (args) => input.safeParse(args)',
        'parse: (args) => input.safeParse(Object.fromEntries(Object.entries(args).map(([k, v]) => [k, typeof v === "string" ? v.slice(0, 60) : v])))',
      ],
    ],
    item: 2,
    code: 'BOUND_NOT_ENFORCED',
  },
  {
    what: 'an id is cleaned instead of rejected',
    server: 'ticket-handler',
    changes: [
      [
        'parse: (args) => input.safeParse(args)',
        'parse: (args) => input.safeParse(args && typeof args.ticketId === "string" ? { ...args, ticketId: args.ticketId.replace(/[?#/].*$/s, "") } : args)',
      ],
    ],
    item: 2,
    code: 'VALUE_NOT_WHOLE',
  },
  {
    what: 'an id is inserted into the URL without encoding, and no other check follows',
    server: 'ticket-handler',
    changes: [
      ['.refine((id) => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(id), "is not a ticket id")', ''],
      ['if (!ID.test(id)) throw new CodedError("NOT_FOUND", "There is no ticket of this id.");', ''],
      ['urlPath`/tickets/${id}`', '`/tickets/${id}`'],
      // The endpoint checks of the pinned fetch.
      ['if (!allowed.get(endpoint)?.test(path) || ', 'if ('],
      ['if (url2.origin !== base.origin || url2.pathname !== prefix + path) throw', 'if (false) throw'],
      // The adapter’s check that the reply is about the requested ticket.
      ['reply: View.refine(({ ticketId }) => ticketId === id)', 'reply: View'],
    ],
    item: 2,
    code: 'VALUE_NOT_WHOLE',
  },
  {
    what: 'a refusal is not marked as an error',
    server: 'crm-reader',
    changes: [
      [`isError: true,\n    content: [{ type: "text", ${ERROR_TEXT} }]`, `content: [{ type: "text", ${ERROR_TEXT} }]`],
      // With an output schema, the SDK would report the missing result.
      ['outputSchema: asPublished(tool.outputSchema)', ''],
    ],
    item: 2,
    code: 'REFUSAL_AS_SUCCESS',
  },
  {
    what: 'an error contains a path',
    server: 'crm-reader',
    changes: [[ERROR_TEXT, 'text: `${code}: ${message2} (${import.meta.url.slice(7)})`']],
    item: 2,
    code: 'PATH_SHOWN',
  },
  {
    what: 'an error contains its stack',
    server: 'crm-reader',
    changes: [[ERROR_TEXT, 'text: `${code}: ${message2}\\n${ending.error.stack}`']],
    item: 2,
    code: 'STACK_SHOWN',
  },
  {
    what: 'an error contains the credential',
    server: 'crm-reader',
    changes: [[ERROR_TEXT, 'text: `${code}: ${message2} for ${process.env.CRM_API_KEY}`']],
    item: 4,
    code: 'SECRET_SHOWN',
  },
  {
    what: 'results are passed on without validation',
    server: 'crm-reader',
    changes: [['parseOutput: (value) => output.parse(value)', 'parseOutput: (value) => ({ ...value, internal: 1 })']],
    item: 2,
    code: 'OUTPUT_SCHEMA_BROKEN',
  },
  {
    what: 'refusals are not recorded',
    server: 'crm-reader',
    changes: [['end(entry("denied",', 'ended = true; onEnd(); if (false) end(entry("denied",']],
    item: 5,
    code: 'AUDIT_REFUSAL_MISSING',
  },
  {
    what: 'the record has no trace',
    server: 'crm-reader',
    changes: [['trace: traceOf(meta2.traceparent ?? traceparent)', 'trace: traceOf(void 0)']],
    item: 5,
    code: 'AUDIT_WITHOUT_TRACE',
  },
  {
    what: 'the record has no result',
    server: 'crm-reader',
    changes: [['{ result: log.redact(result.result, policy?.result ?? {}) }', '{}']],
    item: 5,
    code: 'AUDIT_WITHOUT_RESULT',
  },
  {
    what: 'the record has no arguments',
    server: 'crm-reader',
    changes: [['...redactedArgs !== void 0 && { args: redactedArgs },', '']],
    item: 5,
    code: 'AUDIT_WITHOUT_ARGUMENTS',
  },
  {
    what: 'the tool does not ask, and no warning is given',
    server: 'blog-publisher',
    changes: [['`${summary} ${WARNING}`', '`${summary}`']],
    env: { BLOG_CONFIRM: 'description' },
    item: 6,
    code: 'DESTRUCTIVE_NEVER_ASKS',
  },
  {
    what: 'a tool that writes is annotated as read-only',
    server: 'blog-publisher',
    changes: [['readOnlyHint: effect === "read"', 'readOnlyHint: true']],
    item: 6,
    code: 'READ_ONLY_ASKS',
  },
  {
    what: 'a client that cannot ask is not refused',
    server: 'blog-publisher',
    changes: [[ASK_OR_REFUSE, 'if (!asksForms(elicitation)) return "accepted";\n      if (false)\n      throw']],
    item: 6,
    code: 'CONFIRMATION_SKIPPED',
  },
  {
    what: 'an answer is accepted without a question',
    server: 'blog-publisher',
    changes: [['await redeem(question, mcpReq.requestState());', '']],
    item: 6,
    code: 'CONFIRMATION_BYPASSED',
  },
  {
    what: 'an answer can be replayed',
    server: 'ticket-handler',
    changes: [['if (used.has(nonce) || expiresAt <= forgotten) return false;', '']],
    env: ASKING,
    item: 6,
    code: 'CONFIRMATION_REPLAYED',
  },
  {
    what: 'an answer is accepted for another call',
    server: 'ticket-handler',
    changes: [['if (binding !== bindingOf(question) || expiresAt', 'if (expiresAt']],
    env: ASKING,
    item: 6,
    code: 'CONFIRMATION_NOT_BOUND',
  },
  {
    what: 'a declined confirmation counts as accepted',
    server: 'blog-publisher',
    changes: [['if (answer2.data.action === "accept" && answer2.data.content?.confirm === true) return', 'return']],
    item: 6,
    code: 'CONFIRMATION_IGNORED',
  },
  {
    what: 'requests without a token are accepted',
    server: 'crm-reader',
    remote: true,
    changes: [
      [
        'if (token === void 0)\n          throw',
        'if (token === void 0) return { caller: { kind: "oauth", id: "nobody", host, clientId: "nobody" }, scopes: new Set(["crm:read"]) };\n        if (false)\n          throw',
      ],
    ],
    item: 8,
    code: 'NO_TOKEN_ACCEPTED',
  },
  {
    what: 'a 401 has no challenge',
    server: 'crm-reader',
    remote: true,
    changes: [['"WWW-Authenticate": resource.unauthorised(canStepUp)\n', '"X-Nothing": "here"\n']],
    item: 8,
    code: 'CHALLENGE_MISSING',
  },
  {
    what: 'the audience is not checked',
    server: 'crm-reader',
    remote: true,
    changes: [['audience: [...rules.audience],', '']],
    item: 8,
    code: 'FOREIGN_TOKEN_ACCEPTED',
  },
  {
    what: 'signatures are not checked',
    server: 'crm-reader',
    remote: true,
    changes: [
      [
        'await jwtVerify(token, keyOf, options).catch(refuse)',
        '{ payload: JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString()) }',
      ],
    ],
    item: 8,
    code: 'TOKEN_ACCEPTED',
  },
  {
    what: 'Host is not checked',
    server: 'crm-reader',
    remote: true,
    changes: [['hosts.includes(named) || ', 'true || ']],
    item: 8,
    code: 'HOST_NOT_CHECKED',
  },
  {
    what: 'Origin is not checked',
    server: 'crm-reader',
    remote: true,
    changes: [['if (origin !== void 0 && (moreOrigins', 'if (false && (moreOrigins']],
    item: 8,
    code: 'ORIGIN_NOT_CHECKED',
  },
]

/** Mistakes in what a server presents. Rules find them without a call. */
const STATED: readonly Omit<Defect, 'code'>[] = [
  {
    what: 'a tool that publishes is annotated as non-destructive',
    server: 'blog-publisher',
    changes: [['destructiveHint: effect === "irreversible"', 'destructiveHint: false']],
    item: 6,
  },
  {
    what: 'the published schema allows unknown arguments',
    server: 'crm-reader',
    changes: [
      [
        '  return json2;\n}\nfunction policyOf',
        '  return { ...json2, additionalProperties: true };\n}\nfunction policyOf',
      ],
    ],
    item: 1,
  },
]

describe.concurrent('a defect in a correct server is found', () => {
  for (const { what, server, changes, item, code, env, remote } of DEFECTS)
    it(`${server}: ${what}`, async () => {
      const report = await (remote ? ours.remote(server, changes, env) : ours.local(server, changes, env))
      expect(codesOf(report)).toContain(code)
      const verdict = report.verdicts.find(each => each.item === item)
      expect(verdict?.codes).toContain(code)
      expect(verdict?.answer).not.toBe('pass')
    })
})

describe.concurrent('a defect in what a correct server presents is found', () => {
  for (const { what, server, changes, item } of STATED)
    it(`${server}: ${what}`, async () => {
      const clean = (await ours.inspect(server)).verdicts.find(each => each.item === item)
      const verdict = (await ours.inspect(server, changes)).verdicts.find(each => each.item === item)
      expect(verdict?.codes).not.toEqual(clean?.codes)
      expect(verdict?.answer).not.toBe('pass')
    })
})
