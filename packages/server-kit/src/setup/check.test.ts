import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type CallContext, CodedError } from '#call'
import { type AuditLog, AuditUnavailableError } from '#guardrails/audit'
import { type CheckOptions, check, probe } from './check.ts'

const AUDIT = {
  path: '/var/audit.jsonl',
  headPath: '/var/audit.jsonl.head',
  kid: '0a1b2c3d',
  flush() {},
} as AuditLog

const OPTIONS: CheckOptions = {
  audit: AUDIT,
  auditKeyFile: undefined,
  apiUrl: new URL('https://backend.example/v1'),
  neededScopes: ['things:read', 'things:list'],
  whoami: async () => ({ name: 'tiny', scopes: ['things:list', 'things:read'] }),
}

/** Runs a check; the lines that it writes. */
async function report(change: Partial<CheckOptions> = {}): Promise<{ works: boolean; lines: string[] }> {
  let text = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(chunk => {
    text += chunk
    return true
  })
  onTestFinished(() => write.mockRestore())
  const works = await check({ ...OPTIONS, ...change })
  write.mockRestore()
  return { works, lines: text.split('\n').slice(0, -1) }
}

describe('a check', () => {
  it(`${verifies('P5')} reports what works, a line each`, async () => {
    expect(await report()).toEqual({
      works: true,
      lines: [
        'ok      the configuration is complete',
        'ok      the audit log can be written: /var/audit.jsonl, under the key given (0a1b2c3d), its head in /var/audit.jsonl.head',
        'ok      the backend answers: https://backend.example/v1 knows this server as “tiny”',
        'ok      its key may do what is needed: things:read, things:list',
      ],
    })
  })

  it('tells where a generated audit key is kept', async () => {
    const { lines } = await report({ auditKeyFile: '/state/audit.key' })
    expect(lines[1]).toContain('under the key kept in /state/audit.key (0a1b2c3d)')
  })

  it(`${verifies('P8')} fails if the audit log cannot be written, and tells why; it still asks the backend`, async () => {
    const flush = (): void => {
      throw new AuditUnavailableError('the audit log cannot be written', { cause: new Error('ENOSPC: no space left') })
    }
    const { works, lines } = await report({ audit: { ...AUDIT, flush } })
    expect(works).toBe(false)
    expect(lines[1]).toBe('FAILED  the audit log cannot be written: /var/audit.jsonl: ENOSPC: no space left')
    expect(lines[2]).toMatch(/^ok {6}the backend answers/)
  })

  it(`${verifies('P5')} fails if the key lacks a scope`, async () => {
    const { works, lines } = await report({ whoami: async () => ({ name: 'tiny', scopes: ['things:list'] }) })
    expect(works).toBe(false)
    expect(lines.slice(3)).toEqual(['FAILED  its key lacks: things:read'])
  })

  it(`${verifies('P5')} fails if the key has more scopes than the server needs`, async () => {
    const scopes = ['things:read', 'things:list', 'things:write', 'admin']
    const { works, lines } = await report({ whoami: async () => ({ name: 'tiny', scopes }) })
    expect(works).toBe(false)
    expect(lines.slice(3)).toEqual([
      'ok      its key may do what is needed: things:read, things:list',
      'FAILED  its key may do more than is needed, and should not: things:write, admin',
    ])
  })

  it(`${verifies('P5')} fails on both counts if the key has other scopes`, async () => {
    const { lines } = await report({ whoami: async () => ({ name: 'tiny', scopes: ['admin'] }) })
    expect(lines.slice(3)).toEqual([
      'FAILED  its key lacks: things:read, things:list',
      'FAILED  its key may do more than is needed, and should not: admin',
    ])
  })

  it(`${verifies('P16')} fails if the backend does not answer, and tells why`, async () => {
    const whoami = () => Promise.reject(new CodedError('BACKEND_UNAVAILABLE', 'The backend cannot be reached.'))
    const { works, lines } = await report({ whoami })
    expect(works).toBe(false)
    expect(lines.slice(2)).toEqual([
      'FAILED  the backend does not answer as it should: https://backend.example/v1: The backend cannot be reached.',
    ])
  })

  it('does not hide a fault of the server', async () => {
    await expect(report({ whoami: () => Promise.reject(new TypeError('a bug')) })).rejects.toThrow('a bug')
  })

  it(`${verifies('P17')} shows what the backend says on one line, bounded and without control characters`, async () => {
    const name = `tiny\u001b[2J\nok      all is well\u202e${'x'.repeat(500)}`
    const scopes = ['things:read', 'things:list', 'admin\r\nok      nothing more\u0007', 'y'.repeat(5000)]
    const { works, lines } = await report({ whoami: async () => ({ name, scopes }) })
    expect(works).toBe(false)
    expect(lines).toHaveLength(5)
    for (const line of lines) {
      expect(line).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
      expect(line.length).toBeLessThan(1200)
    }
    expect(lines[2]?.length).toBeLessThan(300)
    expect(lines[2]).toContain('“tiny[2J ok all is well')
    expect(lines[4]).toContain('admin ok nothing more')
  })
})

describe('a probe', () => {
  it('has an id of its own each time, and says what it is for', async () => {
    const seen: CallContext[] = []
    await report({
      whoami: async call => {
        seen.push(call)
        return { name: 'tiny', scopes: [] }
      },
    })
    expect(seen[0]).toMatchObject({ callerId: 'check', signal: { aborted: false } })
    expect(seen[0]?.callId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    const { callId, callerId, traceparent } = probe('ready')
    expect(callerId).toBe('ready')
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(traceparent).toContain(callId.replaceAll('-', ''))
    expect(callId).not.toBe(seen[0]?.callId)
  })
})
