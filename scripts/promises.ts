interface Promised {
  readonly text: string
  /** Where a reader finds the code that keeps it. */
  readonly code: readonly string[]
}

const server = (file: string): string => `servers/*/src/${file}`
/** Copied into each server, to `servers/<server>/src/vendored/`. So is the code of the guardrails. */
const kit = (file: string): string => `packages/server-kit/src/${file}`
const guardrails = (file: string): string => `packages/guardrails/src/${file}`

/** What the project promises. SECURITY.md and docs/promises.md are made from this list and from the tests that cite its ids. */
export const PROMISED = {
  P1: {
    text: 'Narrow: every tool’s range of outcomes can be enumerated, and its `worstCase` is written beside it. No SQL, shell, URL, path, query language or opaque object as input. Unknown arguments are refused; every string is bounded.',
    code: [server('tools/'), kit('call/tool.ts')],
  },
  P2: {
    text: 'The handler is the wall: each constraint that the schema implies is enforced again at run time. A call that skips the schema reaches no backend.',
    code: [kit('call/input.ts'), kit('call/call-tool.ts')],
  },
  P3: {
    text: 'Path guard: nothing outside the drafts folder is ever read or published: no traversal, symbolic link, hard link, FIFO, device, oversize file, swap between check and use. What is published is byte for byte what was checked and confirmed.',
    code: [guardrails('path-guard/'), 'servers/blog-publisher/src/drafts/article.ts'],
  },
  P4: {
    text: 'URL guard: an id that a model supplies can never change which backend endpoint is called.',
    code: [guardrails('path-guard/url-path.ts'), server('backends/rest.ts'), kit('backend/pinned-fetch.ts')],
  },
  P5: {
    text: 'Backend API only: no database driver, no database credential. Each server holds one credential, for its own backend, with the least scope that backend offers, read in one file. It is never logged, returned, or sent to another origin.',
    code: [kit('setup/credentials.ts'), kit('backend/pinned-fetch.ts'), kit('setup/check.ts')],
  },
  P6: {
    text: 'Fixed endpoints: each server can issue a closed list of method and path templates. crm-reader issues no method but GET. Nothing in the project can delete.',
    code: [server('backends/rest.ts'), kit('backend/pinned-fetch.ts'), kit('backend/reading-fetch.ts')],
  },
  P7: {
    text: 'Every call is audited: each `tools/call` that arrives, also one that is malformed, unknown, unauthenticated, refused or cancelled, ends in exactly one terminal record; each handler is preceded by an `intent` record.',
    code: [
      guardrails('audit/call-ledger.ts'),
      guardrails('audit/audited-transport.ts'),
      kit('remote/audited-request.ts'),
      kit('call/call-tool.ts'),
    ],
  },
  P8: {
    text: 'Fail-closed: if the intent cannot be written (full disk, permission, limit), nothing happens at the backend and the caller gets a clear error.',
    code: [guardrails('audit/audit-log.ts'), guardrails('audit/append-file.ts'), kit('call/call-tool.ts')],
  },
  P9: {
    text: 'Crash-safe: `kill -9` at any point loses no acknowledged record; a torn last line is repaired at start-up with a `recovered` record.',
    code: [guardrails('audit/append-file.ts'), guardrails('audit/torn-tail.ts')],
  },
  P10: {
    text: 'Tamper-evident: flip, delete, swap, duplicate, insert and truncate are each detected by `verifyAudit`, given the key and the anchored head.',
    code: [guardrails('audit/verify.ts'), guardrails('audit/head-file.ts')],
  },
  P11: {
    text: 'Logs leak nothing: a field is logged in clear only if the tool’s schema says so and its value is what the schema allows; all else becomes a keyed pseudonym that still correlates. Secrets never.',
    code: [guardrails('audit/redaction.ts'), kit('call/tool.ts')],
  },
  P12: {
    text: 'Confirmed: a tool whose effect is irreversible asks the human through the client, showing exactly what will happen; the answer is bound to tool, arguments, content digest, caller and expiry, and works once, however many replicas there are. A model cannot supply it. Where the client cannot ask, the tool refuses, unless the operator chose otherwise.',
    code: [
      kit('call/writes/confirmation.ts'),
      kit('call/writes/nonce-store.ts'),
      kit('call/writes/redis-nonce-store.ts'),
      kit('call/call-tool.ts'),
    ],
  },
  P13: {
    text: 'Isolated: servers never import each other, share no process, no secret, no state. Each ships as one self-contained file with its own vendored copy of the guardrails.',
    code: ['tsup.base.ts', 'packages/server-kit/vendor/', 'packages/server-contract/src/architecture/'],
  },
  P14: {
    text: 'Rate limits, permissions and validation stay on the backend; the server reports them faithfully (`RATE_LIMITED` with `retryAfterSeconds`, `BACKEND_REFUSED`) and never retries a write blindly.',
    code: [kit('backend/attempt.ts'), kit('backend/refusal.ts'), kit('backend/writes/write-once.ts')],
  },
  P15: {
    text: 'Remote callers: each server is an OAuth 2.1 resource server (RFC 9728 metadata, RFC 9068 access tokens for its own audience, a scope for each tool, PKCE at a real identity provider). No token is ever passed on; Host and Origin are each checked; whoever is refused is on record. Without OAuth, nothing but loopback is listened at; over stdio, nothing at all.',
    code: [
      kit('remote/admission.ts'),
      kit('remote/token-verifier.ts'),
      kit('remote/issuer-keys.ts'),
      kit('remote/protected-resource.ts'),
      kit('remote/audited-request.ts'),
      kit('remote/mcp-endpoint.ts'),
      kit('setup/remote-settings.ts'),
    ],
  },
  P16: {
    text: 'Contained: a slow, huge, redirecting, lying or dead backend costs the caller a clear error within the deadline, bounded memory, and no secret.',
    code: [kit('backend/attempt.ts'), kit('backend/deadline.ts'), kit('backend/pinned-fetch.ts')],
  },
  P17: {
    text: 'Backend text is data: results are structured and validated against `outputSchema`; free text from the backend is bounded, stripped of control and bidirectional characters, and marked as untrusted.',
    code: [kit('call/text.ts'), server('vocabulary.ts'), server('backends/rest.ts')],
  },
} as const satisfies Record<string, Promised>
