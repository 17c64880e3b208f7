import { type Answer, type CallResult, connect } from './clients.ts'
import { questionOf } from './human.ts'
import { type Era, errorCodeOf, type Message, RunningServer } from './running-server.ts'

/** Two clients as hosts have them, and the bare wire in both eras: each way in which a question can reach a person. */
export const WAYS = ['v1 client', 'v2 client', 'legacy wire', 'modern wire'] as const
export type Way = (typeof WAYS)[number]

/** What a person, or whatever stands in for one, answers: on the wire it can be anything. */
export type Person = (question: string) => unknown

/** How a call ended, whichever way it went. */
export interface Ended {
  /** Undefined if it did not fail. */
  readonly code: string | undefined
  readonly text: string
  readonly data: Record<string, unknown>
  readonly retryAfterSeconds: unknown
}

/** A client and the server process that it started. */
export interface Session {
  /** Calls a tool; a question on the way is put to the person. */
  call(tool: string, args: Message, meta?: Message): Promise<Ended>
  close(): Promise<void>
}

/** What a server is started with. */
export interface Start {
  /** The file that ships. */
  readonly entry: string
  readonly env: Record<string, string>
  /** Given what ends a process, for when the test is over. */
  readonly atEnd: (step: () => Promise<unknown>) => void
}

/** A server process on a bare wire. @param capabilities what its client says that it can do; to ask, if there is a person */
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

/** @param person undefined: a client that cannot ask */
export async function openSession(start: Start, way: Way, person?: Person): Promise<Session> {
  if (way === 'legacy wire' || way === 'modern wire') {
    const server = await startOnWire(start, way === 'legacy wire' ? 'legacy' : 'modern', person)
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
  const client = await connect(way === 'v1 client' ? 'v1' : 'v2', start.entry, start.env, answer)
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
