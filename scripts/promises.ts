interface Promised {
  readonly text: string
  /** The files or folders with the code that fulfils the promise. */
  readonly code: readonly string[]
}

const server = (file: string): string => `servers/*/src/${file}`
/** Copied into each server, to `servers/<server>/src/vendored/`, like the guardrails. */
const kit = (file: string): string => `packages/server-kit/src/${file}`
const guardrails = (file: string): string => `packages/guardrails/src/${file}`

/**
 * The promises of the project. SECURITY.md and docs/promises.md are generated from this list and the tests that cite
 * its ids.
 */
export const PROMISED = {
  P1: {
    text: 'Narrow: the possible outcomes of every tool can be enumerated, and its `worstCase` is declared next to it. No tool takes SQL, a shell command, a URL, a path, a query language or an opaque object as input. Unknown arguments are refused, and every string has a maximum length.',
    code: [server('tools/'), kit('call/tool.ts')],
  },
  P2: {
    text: 'Enforced in the handler: each constraint that the schema implies is enforced again at run time. A call that bypasses the schema reaches no backend.',
    code: [kit('call/input.ts'), kit('call/call-tool.ts')],
  },
  P3: {
    text: 'Path guard: nothing outside the drafts folder is ever read or published. This holds against path traversal, symbolic links, hard links, FIFOs, devices, oversize files, and files that are swapped between check and use. The published bytes are exactly the bytes that were checked and confirmed.',
    code: [guardrails('path-guard/'), 'servers/blog-publisher/src/drafts/article.ts'],
  },
  P4: {
    text: 'URL guard: an id that a model supplies can never change which backend endpoint is called.',
    code: [guardrails('path-guard/url-path.ts'), server('backends/rest.ts'), kit('backend/pinned-fetch.ts')],
  },
  P5: {
    text: 'Backend API only: the servers have no database driver and no database credential. Each server holds one credential, for its own backend, with the least scope that the backend offers. The credential is read in one source file, and is never logged, returned, or sent to another origin.',
    code: [kit('setup/credentials.ts'), kit('backend/pinned-fetch.ts'), kit('setup/check.ts')],
  },
  P6: {
    text: 'Fixed endpoints: each server can send only requests from a closed list of methods and path templates. crm-reader sends only GET requests. Nothing in the project can delete.',
    code: [server('backends/rest.ts'), kit('backend/pinned-fetch.ts'), kit('backend/reading-fetch.ts')],
  },
  P7: {
    text: 'Every call is audited: each `tools/call` that arrives ends in exactly one terminal record, even if it is malformed, unknown, unauthenticated, refused or cancelled. An `intent` record is written before each handler runs.',
    code: [
      guardrails('audit/call-ledger.ts'),
      guardrails('audit/audited-transport.ts'),
      kit('remote/audited-request.ts'),
      kit('call/call-tool.ts'),
    ],
  },
  P8: {
    text: 'Fail-closed: if the `intent` record cannot be written (full disk, permission, limit), nothing happens at the backend and the caller gets a clear error.',
    code: [guardrails('audit/audit-log.ts'), guardrails('audit/append-file.ts'), kit('call/call-tool.ts')],
  },
  P9: {
    text: 'Crash-safe: `kill -9` at any point loses no acknowledged record. An incomplete last line is repaired at start-up with a `recovered` record.',
    code: [guardrails('audit/append-file.ts'), guardrails('audit/torn-tail.ts')],
  },
  P10: {
    text: 'Tamper-evident: given the key and the anchored head, `verifyAudit` detects each flipped bit, each deleted, swapped, duplicated or inserted record, and truncation.',
    code: [guardrails('audit/verify.ts'), guardrails('audit/head-file.ts')],
  },
  P11: {
    text: 'Logs leak nothing: a field is logged in clear text only if the tool’s schema says so and allows its value. Everything else is replaced by a keyed pseudonym, which still allows records to be correlated. Secrets are never logged.',
    code: [guardrails('audit/redaction.ts'), kit('call/tool.ts')],
  },
  P12: {
    text: 'Confirmed: a tool whose effect is irreversible asks the human through the client and shows exactly what will happen. The answer is bound to the tool, arguments, content digest, caller and expiry, and works once, however many replicas there are. A model cannot supply it. If the client cannot ask, the tool refuses, unless the operator chose otherwise.',
    code: [
      kit('call/writes/confirmation.ts'),
      kit('call/writes/nonce-store.ts'),
      kit('call/writes/redis-nonce-store.ts'),
      kit('call/call-tool.ts'),
    ],
  },
  P13: {
    text: 'Isolated: servers never import each other, and share no process, secret or state. Each ships as one self-contained file with its own vendored copy of the guardrails.',
    code: ['tsup.base.ts', 'packages/server-kit/vendor/', 'packages/server-contract/src/architecture/'],
  },
  P14: {
    text: 'Backend rules: rate limits, permissions and validation stay on the backend. The server reports them faithfully (`RATE_LIMITED` with `retryAfterSeconds`, `BACKEND_REFUSED`) and never retries a write blindly.',
    code: [kit('backend/attempt.ts'), kit('backend/refusal.ts'), kit('backend/writes/write-once.ts')],
  },
  P15: {
    text: 'Remote callers: each server is an OAuth 2.1 resource server (RFC 9728 metadata, RFC 9068 access tokens for its own audience, a scope for each tool, PKCE at a real identity provider). No token is ever passed on. `Host` and `Origin` are both checked. Every refusal is recorded. Without OAuth, a server listens on loopback only; over stdio, it does not listen at all.',
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
    text: 'Contained: if the backend is slow, lying or dead, redirects, or sends huge replies, the caller gets a clear error within the deadline, memory use is bounded, and no secret is revealed.',
    code: [kit('backend/attempt.ts'), kit('backend/deadline.ts'), kit('backend/pinned-fetch.ts')],
  },
  P17: {
    text: 'Backend text is data: results are structured and validated against `outputSchema`. Free text from the backend has a maximum length, is stripped of control and bidirectional characters, and is marked as untrusted.',
    code: [kit('call/text.ts'), server('vocabulary.ts'), server('backends/rest.ts')],
  },
} as const satisfies Record<string, Promised>
