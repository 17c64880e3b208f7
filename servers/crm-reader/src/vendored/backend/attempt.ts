import type { z } from 'zod'
import { CodedError } from '#call'
import { type EchoCheck, textsOf } from './credential-echo.ts'
import { refusal } from './refusal.ts'

/** What a request to the backend needs to know of the call that it is made for. */
export interface BackendCall {
  /** Aborts if the call is cancelled, or its time is over. */
  readonly signal: AbortSignal
  /** Names this call to the backend. */
  readonly callId: string
  readonly traceparent: string
}

/** What comes back, and how its status is told. */
export interface Expected<T> {
  readonly reply: z.ZodType<T>
  /** Messages for statuses, in place of the usual ones. */
  readonly refusals?: Readonly<Record<number, string>>
}

/** The request may have been carried out, but its reply cannot be read. The message says why, in a sentence. */
export class LostReplyError extends Error {
  override name = 'LostReplyError'
}

/** Counted in decoded bytes, which is what is kept, however small the reply was on the wire. */
const MAX_REPLY_BYTES = 1024 * 1024

/** Failures to connect: the backend has not seen the request. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|UNABLE_TO_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*)$/

/** The headers that let the backend's own log be joined with the audit log. */
export function headersOf(call: BackendCall): Record<string, string> {
  return { accept: 'application/json', traceparent: call.traceparent, 'x-request-id': call.callId }
}

/**
 * Sends one request and judges its reply. A reply that holds the credential is withheld.
 *
 * @throws {CodedError} the backend did not do it, and says so
 * @throws {LostReplyError} whether it did it is unknown
 */
export async function attempt<T>(
  send: () => Promise<Response>,
  { signal }: BackendCall,
  { reply, refusals }: Expected<T>,
  holdsCredential: EchoCheck,
): Promise<T> {
  let response: Response
  try {
    response = await send()
  } catch (error) {
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? ''
    if (NEVER_SENT.test(code))
      throw new CodedError('BACKEND_UNAVAILABLE', 'The backend cannot be reached. Try again later.', { cause: error })
    throw new LostReplyError(lateOr('The connection to the backend broke.', signal), { cause: error })
  }

  if (!response.ok) {
    await response.body?.cancel().catch(() => {})
    if (response.status >= 500 && response.status !== 503) throw new LostReplyError('The backend failed.')
    throw refusal(response, refusals)
  }
  let text: string
  try {
    text = await readBounded(response)
  } catch (error) {
    throw new LostReplyError(lateOr('The backend’s reply could not be read whole.', signal), { cause: error })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new LostReplyError('The backend’s reply was not what this server expects.', { cause: error })
  }
  if (holdsCredential(text) || holdsCredential(textsOf(value)))
    throw new LostReplyError('The backend’s reply held this server’s credential and was withheld.')
  try {
    return reply.parse(value)
  } catch (error) {
    throw new LostReplyError('The backend’s reply was not what this server expects.', { cause: error })
  }
}

function lateOr(message: string, signal: AbortSignal): string {
  return signal.aborted ? 'The backend did not answer in time.' : message
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the body.
    if (bytes > MAX_REPLY_BYTES) throw new Error(`the reply is over ${MAX_REPLY_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
