import * as z from 'zod'
import type { Effect } from '#guardrails/audit'
import { type CallConfirmation, type CallEnding, callTool } from '../../src/call/call-tool.ts'
import { type CallContext, describeTool } from '../../src/call/tool.ts'
import { openTestCall, openTestLog } from './audit-log.ts'
import { BARE_DEFINITION } from './tool-definition.ts'

type Ports = Record<string, never>
type Answer = 'accepted' | { reply: string }

/** The tool that is called, and what a test changes about it. */
export interface CalledTool {
  readonly effect: Effect
  /** Whether the human is asked about its calls. */
  readonly asks: boolean
  guard?(input: { name: string }): string
  digest?(subject: unknown): string
  handler?(subject: string, ports: Ports, context: CallContext): Promise<{ done: string }>
}

interface CallOptions {
  readonly asks?: boolean
  /** What the human says. */
  readonly answer?: () => Answer
  /** Whether the request brings an answer to a question. */
  readonly answered?: boolean
  readonly scopes?: ReadonlySet<string>
}

/** Calls one tool on a real audit log, and notes what happened in which order. */
export function openCallDiary(called: CalledTool) {
  const diary: string[] = []
  const questions: unknown[] = []
  const faults: unknown[] = []
  const controller = new AbortController()
  const { log, unwritable, failing, records } = openTestLog(event => diary.push(`recorded ${event}`))
  const tool = describeTool(
    {
      ...BARE_DEFINITION,
      effect: called.effect,
      input: z.strictObject({ name: z.string().trim().max(9).meta({ audit: 'clear' }) }),
      output: z.strictObject({ done: z.string().max(9).meta({ audit: 'clear' }) }),
      guard(input) {
        diary.push('guard')
        return called.guard ? called.guard(input) : input.name
      },
      async handler(subject: string, ports: Ports, context) {
        diary.push(`handler ${subject}`)
        return called.handler ? await called.handler(subject, ports, context) : { done: subject }
      },
    },
    'Does it.',
  )
  const confirmationBy = (answer: () => Answer): CallConfirmation<string> => ({
    digest: called.digest ?? (subject => `digest of ${subject}`),
    async ask(input, subject) {
      diary.push('ask')
      questions.push({ input, subject })
      return answer()
    },
  })

  return {
    diary,
    unwritable,
    failing,
    records,
    /** What the human was asked about. */
    questions,
    /** What the operator was told. */
    faults,
    /** Cancels the call. */
    controller,
    call: (
      args: unknown = { name: 'it' },
      { asks = called.asks, answer = () => 'accepted', answered = false, scopes }: CallOptions = {},
    ): Promise<CallEnding<string>> =>
      callTool(tool, {
        call: openTestCall(log, tool, args),
        args,
        ports: {},
        scopes,
        answered,
        confirmation: asks ? confirmationBy(answer) : undefined,
        cancelled: controller.signal,
        onFault: fault => faults.push(fault),
      }),
  }
}
