// Copied on purpose: a fault here must stay here.

/** In the format of event streams, a comment: readers skip it. */
const NOTHING_YET = new TextEncoder().encode(':\n\n')

/**
 * A stream that may stay empty for long. Its head goes out at once, and it ends when its reader has gone: the adapter
 * to Node waits for something to write in both cases.
 */
export function openStream(response: Response, reader: AbortSignal): Response {
  if (!response.ok || !response.body) return response
  const shown = new TransformStream<Uint8Array, Uint8Array>({ start: events => events.enqueue(NOTHING_YET) })
  return new Response(response.body.pipeThrough(shown, { signal: reader }), response)
}
