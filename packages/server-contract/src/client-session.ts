import { type Answer, type CallResult, connect } from './clients.ts'
import { questionOf } from './human.ts'
import { type Era, errorCodeOf, type Message, RunningServer } from './running-server.ts'

/** The clients that a confirmation request can reach a person through: SDK 1.x, SDK 2.x, and no SDK in either era. */
export const CLIENT_KINDS = ['v1 client', 'v2 client', 'legacy wire', 'modern wire'] as const
export type ClientKind = (typeof CLIENT_KINDS)[number]

/** Returns the answer of the user. Without an SDK it can be any value. */
export type Person = (question: string) => unknown

/** The end of a call: its result or its error. */
export interface Ended {
  /** The error code; undefined if the call succeeded. */
  readonly code: string | undefined
  readonly text: string
  readonly data: Record<string, unknown>
  readonly retryAfterSeconds: unknown
}

/** A client and the server process that it started. */
export interface Session {
  /** Calls a tool. If the server asks for a confirmation, the person is asked. */
  call(tool: string, args: Message, meta?: Message): Promise<Ended>
  close(): Promise<void>
}

/** How a server is started. */
export interface Start {
  /** The absolute path of the built `dist/main.mjs`. */
  readonly entry: string
  readonly env: Record<string, string>
  /** Registers a function that runs when the test ends. */
  readonly atEnd: (step: () => Promise<unknown>) => void
}

/**
 * Starts a server process without an SDK client.
 *
 * @param capabilities the capabilities that the client declares; the default includes elicitation if there is a person
 */
export async function startOnWire(
  { entry, env, atEnd }: Start,
  era: Era,
  person?: Person,
  capabilities: unknown = person ? { elicitation: {} } : {},
): Promise<RunningServer> {
  const server = new RunningServer(entry, env)
  atEnd(() => server.kill('SIGKILL'))
  if (person) server.onRequest = ({ params }) => person(String((params as Message | undefined)?.message))
  await server.open(era, capabilities)
  return server
}

/** @param person answers confirmation requests; undefined for a client without elicitation */
export async function openSession(start: Start, kind: ClientKind, person?: Person): Promise<Session> {
  if (kind === 'legacy wire' || kind === 'modern wire') {
    const server = await startOnWire(start, kind === 'legacy wire' ? 'legacy' : 'modern', person)
    return {
      async call(tool, args, meta) {
        const extras = meta && { _meta: meta }
        const reply = await server.call(tool, args, extras)
        const question = questionOf(reply)
        if (!question || !person) return endOf(reply)
        return endOf(await server.call(tool, args, { ...extras, ...question.reply(await person(question.message)) }))
      },
      close: async () => void (await server.end()),
    }
  }
  const answer = person && (async (question: string) => (await person(question)) as Answer)
  const client = await connect(kind === 'v1 client' ? 'v1' : 'v2', start.entry, start.env, answer)
  start.atEnd(() => client.close())
  return {
    call: async (tool, args, meta) => endOfResult(await client.callTool(tool, args, meta)),
    close: () => client.close(),
  }
}

export function endOf(reply: Message): Ended {
  const { error, result } = reply as { error?: { message: string }; result?: CallResult }
  if (result) return endOfResult(result)
  return { code: errorCodeOf(reply) ?? 'NO CODE', text: error?.message ?? '', data: {}, retryAfterSeconds: undefined }
}

function endOfResult({ isError, _meta, content, structuredContent }: CallResult): Ended {
  return {
    code: isError ? String(_meta?.code ?? 'NO CODE') : undefined,
    text: content?.[0]?.text ?? '',
    data: structuredContent ?? {},
    retryAfterSeconds: _meta?.retryAfterSeconds,
  }
}
