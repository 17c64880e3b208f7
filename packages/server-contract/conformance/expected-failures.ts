/** Why a narrow server does not pass a scenario, and which of its checks those are; without a list, all but the wire’s. */
interface Expected {
  readonly reason: string
  readonly scenarios: readonly string[]
  readonly checks?: readonly string[]
}

const NO_SUCH_TOOL = 'calls a tool of the suite’s own; a server here has its three tools and no others'
const NO_SUCH_FEATURE = 'uses a part of the protocol that these servers do not offer: they have tools, and nothing else'

/** Every check of the official suite that fails against these servers is here, with its reason; nothing else may fail. */
export const EXPECTED_FAILURES: readonly Expected[] = [
  {
    reason: NO_SUCH_TOOL,
    scenarios: [
      'elicitation-sep1034-defaults',
      'elicitation-sep1330-enums',
      'input-required-result-basic-elicitation',
      'input-required-result-basic-list-roots',
      'input-required-result-basic-sampling',
      'input-required-result-capability-check',
      'input-required-result-multi-round',
      'input-required-result-multiple-input-requests',
      'input-required-result-request-state',
      'input-required-result-result-type',
      'input-required-result-tampered-state',
      'json-schema-2020-12',
      'tools-call-audio',
      'tools-call-elicitation',
      'tools-call-embedded-resource',
      'tools-call-error',
      'tools-call-image',
      'tools-call-mixed-content',
      'tools-call-sampling',
      'tools-call-simple-text',
      'tools-call-with-logging',
      'tools-call-with-progress',
    ],
  },
  {
    reason: NO_SUCH_TOOL,
    scenarios: ['server-stateless'],
    checks: [
      'sep-2575-server-rejects-undeclared-capability',
      'sep-2575-missing-capability-http-400',
      'sep-2575-http-server-no-independent-requests-on-stream',
      'sep-2575-server-no-log-without-loglevel',
    ],
  },
  {
    reason: NO_SUCH_FEATURE,
    scenarios: [
      'completion-complete',
      'input-required-result-non-tool-request',
      'logging-set-level',
      'prompts-get-embedded-resource',
      'prompts-get-simple',
      'prompts-get-with-args',
      'prompts-get-with-image',
      'prompts-list',
      'resources-list',
      'resources-read-binary',
      'resources-read-text',
      'resources-subscribe',
      'resources-templates-read',
      'resources-unsubscribe',
    ],
  },
  {
    reason: NO_SUCH_FEATURE,
    scenarios: ['caching'],
    checks: [
      'sep-2549-prompts-list-caching-hints',
      'sep-2549-resources-list-caching-hints',
      'sep-2549-resources-templates-list-caching-hints',
    ],
  },
  {
    reason:
      'is about tools that take an argument by a header of their own, or about the tasks extension: there are none',
    scenarios: [
      'http-custom-header-server-validation',
      'tasks-capability-negotiation',
      'tasks-dispatch-and-envelope',
      'tasks-lifecycle',
      'tasks-mrtr-composition',
      'tasks-mrtr-input',
      'tasks-request-headers',
      'tasks-request-state-removal',
      'tasks-required-task-error',
      'tasks-wire-fields',
    ],
  },
]

/** Why a check is expected to fail; undefined if it is not. The form of what goes over the wire never is. */
export function reasonFor(scenario: string, check: string): string | undefined {
  if (check.startsWith('wire-schema')) return undefined
  return EXPECTED_FAILURES.find(
    ({ scenarios, checks }) => scenarios.includes(scenario) && (checks?.includes(check) ?? true),
  )?.reason
}
