/**
 * Scenarios that fail for the same reason. Without `checks`, all checks of the scenarios may fail, except those of the
 * wire format.
 */
interface Expected {
  readonly reason: string
  readonly scenarios: readonly string[]
  readonly checks?: readonly string[]
}

const NO_SUCH_TOOL = 'calls a tool that only the suite’s own test server has'
const NO_SUCH_FEATURE = 'uses an optional feature of the protocol; these servers offer tools only'

/** All checks of the official suite that are expected to fail. Any other failure fails the command. */
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
    reason: 'tests tool arguments in custom headers, or the tasks extension; these servers have neither',
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

/** The reason why a check is expected to fail, or undefined. Checks of the wire format are never expected to fail. */
export function reasonFor(scenario: string, check: string): string | undefined {
  if (check.startsWith('wire-schema')) return undefined
  return EXPECTED_FAILURES.find(
    ({ scenarios, checks }) => scenarios.includes(scenario) && (checks?.includes(check) ?? true),
  )?.reason
}
