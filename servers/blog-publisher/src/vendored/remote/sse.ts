/** A comment line of the event stream format. Clients ignore it. */
const COMMENT = new TextEncoder().encode(':\n\n')

/**
 * Prepares an event stream that may stay empty for long. The SDK’s adapter to Node sends the headers with the first bytes
 * of the body, and notices a lost connection only when it writes. So the stream begins with a comment, and ends when
 * `reader` is aborted.
 */
export function openEventStream(response: Response, reader: AbortSignal): Response {
  if (!response.ok || !response.body) return response
  const shown = new TransformStream<Uint8Array, Uint8Array>({ start: events => events.enqueue(COMMENT) })
  return new Response(response.body.pipeThrough(shown, { signal: reader }), response)
}
