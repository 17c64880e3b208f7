import * as z from 'zod'
import { type CallContext, defineTool } from '#call'
import type { ServerOptions } from '#call/registration'
import { defineWriteTool } from '#call/writes'
import { memoryAuditLog } from './memory-audit-log.ts'

/** What the tools of the test server reach. A test replaces it. */
export interface Backend {
  answer(text: string, call: CallContext): Promise<string>
}

const input = z.strictObject({ text: z.string().max(100).meta({ audit: 'clear' }) })
const output = z.object({ text: z.string() })

const readNote = defineTool<Backend>()({
  name: 'readNote',
  title: 'Read a note',
  summary: 'Reads a note.',
  worstCase: 'None.',
  effect: 'read',
  scope: 'notes:read',
  input,
  output,
  guard: ({ text }) => text,
  handler: async (text, backend, call) => ({ text: await backend.answer(text, call) }),
})

const writeNote = defineWriteTool<Backend>()({
  name: 'writeNote',
  title: 'Write a note',
  summary: 'Writes a note.',
  worstCase: 'A wrong note.',
  effect: 'reversible',
  scope: 'notes:write',
  input,
  output,
  guard: ({ text }) => text,
  handler: async (text, backend, call) => ({ text: await backend.answer(text, call) }),
})

/** A server with one tool that reads and one that writes. Its backend echoes until a test replaces it. */
export function testServer() {
  const audit = memoryAuditLog()
  const backend: Backend = { answer: async text => text }
  const faults: unknown[] = []
  const protocolFaults: Error[] = []
  const options: ServerOptions<Backend> = {
    name: 'test-server',
    version: '1.0.0',
    tools: [readNote, writeNote],
    ports: { answer: (text, call) => backend.answer(text, call) },
    audit,
    confirmations: undefined,
    onFault: fault => void faults.push(fault),
    onProtocolFault: fault => void protocolFaults.push(fault),
  }
  return { options, audit, backend, faults, protocolFaults }
}

/** A backend that answers when the test lets it, and sees when a call is cancelled. */
export function holdingBackend() {
  const calls: CallContext[] = []
  const releases: (() => void)[] = []
  const answer: Backend['answer'] = (text, call) => {
    calls.push(call)
    return new Promise((resolve, reject) => {
      releases.push(() => resolve(text))
      call.signal.addEventListener('abort', () => reject(new Error('aborted')))
    })
  }
  return {
    calls,
    answer,
    release() {
      for (const release of releases.splice(0)) release()
    },
  }
}
