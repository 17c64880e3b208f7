import { statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { tempFolder } from '../../test/setup/temp-folder.ts'
import { StdioClient } from '../../test/stdio/stdio-client.ts'

const PROGRAM = new URL('../../test/setup/tiny-main.ts', import.meta.url)

const MODERN = '2026-07-28'

/** A backend that knows the tiny server; what it was asked by whom. */
async function backend(): Promise<{ url: string; asked: unknown[] }> {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers['x-request-id'])
    response.end(JSON.stringify({ name: 'tiny key', scopes: [] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function startOverStdio(env: NodeJS.ProcessEnv = {}): StdioClient {
  const XDG_STATE_HOME = tempFolder()
  const auditFile = join(XDG_STATE_HOME, 'narrow-deputies/tiny/audit.jsonl')
  const needed = { TINY_API_URL: 'http://127.0.0.1:9', TINY_API_KEY: 'key' }
  return new StdioClient({ program: PROGRAM, env: { ...needed, XDG_STATE_HOME, ...env }, auditFile })
}

describe('a server over stdio', () => {
  it(`${verifies('P7')} needs only a URL and a key, and keeps its audit log and the log’s key in its state folder`, async () => {
    const client = await startOverStdio().greet()
    const { result } = await client.ask('tools/call', { name: 'answer', arguments: {} })
    expect(result).toMatchObject({ structuredContent: { said: 'answered' } })
    client.endInput()
    expect(await client.end()).toMatchObject({ code: 0 })
    expect(client.records().map(({ event, server }) => [event, server])).toEqual(
      ['start', 'intent', 'outcome', 'stop'].map(event => [event, 'tiny']),
    )
    expect(client.recordsOf('answer')[1]).toMatchObject({ result: { said: 'answered' } })
    const folder = dirname(client.auditFile)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'audit.key')).mode & 0o777).toBe(0o600)
  })

  it(`${verifies('P12')} asks the human unless the operator chose otherwise`, async () => {
    for (const [TINY_CONFIRM, text] of [
      ['required', 'CONFIRMATION_UNAVAILABLE: '],
      ['description', '{"said":"done"}'],
    ] as const) {
      const client = await startOverStdio({ TINY_CONFIRM }).greet()
      const { result } = await client.ask('tools/call', { name: 'act', arguments: {} })
      expect(result?.content, TINY_CONFIRM).toEqual([{ type: 'text', text: expect.stringContaining(text) }])
    }
  })
})

describe('a server over HTTP', () => {
  it(`${verifies('P12', 'P15')} listens on loopback, asks the backend whether it is ready, and asks the human`, async () => {
    const { url: TINY_API_URL, asked } = await backend()
    const auditFile = join(tempFolder(), 'audit.jsonl')
    const env = { TINY_API_URL, TINY_API_KEY: 'key', AUDIT_FILE: auditFile, AUDIT_KEY: 'ab'.repeat(32) }
    const client = new StdioClient({ program: PROGRAM, args: ['http', '--port', '0'], env, auditFile })
    const [, where = ''] = /^tiny listens at (\S+)$/.exec(await client.line()) ?? []
    const url = new URL(where)
    expect(url.hostname).toBe('127.0.0.1')
    const ready = await fetch(new URL('/readyz', url))
    expect(await ready.json()).toMatchObject({ ready: true, checks: { backend: 'ok', audit: 'ok' } })
    expect(asked).toHaveLength(1)

    const call = async (name: string): Promise<string> => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': MODERN,
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      }
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          'MCP-Protocol-Version': MODERN,
          'Mcp-Method': 'tools/call',
          'Mcp-Name': name,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, _meta } }),
      })
      return await response.text()
    }
    expect(await call('answer')).toContain('answered')
    expect(await call('act')).toContain('CONFIRMATION_UNAVAILABLE')
    client.child.kill('SIGTERM')
    expect(await client.end()).toMatchObject({ code: 0 })
    expect(client.records().map(({ event, tool }) => [event, tool])).toEqual([
      ['start', undefined],
      ['intent', 'answer'],
      ['outcome', 'answer'],
      ['denied', 'act'],
      ['stop', undefined],
    ])
  })
})
