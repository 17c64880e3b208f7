import { execFile } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect, promisify } from 'node:util'
import type { AuditKey } from '@narrow-deputies/guardrails/audit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

type ReadEndpoint = `GET /${string}`

interface Request {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}
interface Read extends Request {
  readonly endpoint: ReadEndpoint
}
interface Write extends Request {
  readonly endpoint: string
  readonly body?: string
}

/** Reads a credential that sends requests of one kind. */
type ReadCredential<Endpoint, Sent> = (
  name: string,
  environment: NodeJS.ProcessEnv,
) => { connect(base: URL, endpoints: readonly Endpoint[]): (request: Sent) => Promise<Response> }

interface Copy {
  readonly readCredential: ReadCredential<ReadEndpoint, Read>
  readonly readAuditKey: (
    defaultFile: string,
    environment: NodeJS.ProcessEnv,
  ) => { readonly key: AuditKey; readonly keptIn?: string }
  readonly CredentialError: new (message: string) => Error
  /** Where the copy itself is: its URL. */
  readonly source: string
}

const SECRET = 'nd_s3cret-Value_123'
const ENDPOINTS = ['GET /things/{id}', 'GET /things', 'GET /a.b'] as const

function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'credentials-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function fileWith(content: string | Uint8Array): string {
  const file = join(tempFolder(), 'secret')
  writeFileSync(file, content)
  return file
}

function request(change: Partial<Read> = {}): Read {
  const { signal } = new AbortController()
  return { endpoint: 'GET /things/{id}', path: '/things/a1', headers: {}, signal, ...change }
}

function captureFetch() {
  const calls: { url: URL; init: RequestInit }[] = []
  vi.stubGlobal('fetch', async (url: URL, init: RequestInit) => {
    calls.push({ url, init })
    return new Response('{}')
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  return calls
}

/** What every copy of `credentials.ts` has to prove. */
export function describeCredentials({ readCredential, readAuditKey, CredentialError, source }: Copy): void {
  /** What a call throws; it is to be for the operator, and never to hold the secret. */
  function thrownBy(work: () => unknown): string {
    try {
      work()
    } catch (error) {
      expect(error).toBeInstanceOf(CredentialError)
      expect(inspect(error)).not.toContain(SECRET)
      return (error as Error).message
    }
    throw new Error('nothing was thrown')
  }

  /** Which credential was read: the one that is sent. */
  async function sentWith(environment: NodeJS.ProcessEnv): Promise<string | null> {
    const calls = captureFetch()
    await readCredential('API_KEY', environment)
      .connect(new URL('https://backend.example'), ENDPOINTS)
      .call(undefined, request())
    return new Headers(calls[0]?.init.headers).get('authorization')
  }

  describe('a backend’s credential', () => {
    it(`${verifies('P5')} is read from its variable or from the one file that is named`, async () => {
      expect(await sentWith({ API_KEY: SECRET })).toBe(`Bearer ${SECRET}`)
      expect(await sentWith({ API_KEY_FILE: fileWith(SECRET) })).toBe(`Bearer ${SECRET}`)
      expect(await sentWith({ API_KEY_FILE: fileWith(`\ufeff ${SECRET}\r\n`) })).toBe(`Bearer ${SECRET}`)
      // An empty variable is an unset one.
      expect(await sentWith({ API_KEY: '', API_KEY_FILE: fileWith(SECRET) })).toBe(`Bearer ${SECRET}`)
      expect(await sentWith({ API_KEY: SECRET, API_KEY_FILE: '' })).toBe(`Bearer ${SECRET}`)
    })

    it(`${verifies('P5')} is not guessed at when both are given, even if they agree`, () => {
      const environment = { API_KEY: SECRET, API_KEY_FILE: fileWith(SECRET) }
      expect(thrownBy(() => readCredential('API_KEY', environment))).toBe(
        'API_KEY and API_KEY_FILE are both set: choose one',
      )
    })

    it.each<[string, () => NodeJS.ProcessEnv, string]>([
      ['not there', () => ({}), 'API_KEY is required (or API_KEY_FILE)'],
      ['empty', () => ({ API_KEY: '' }), 'API_KEY is required (or API_KEY_FILE)'],
      ['an empty file', () => ({ API_KEY_FILE: fileWith(' \n') }), 'API_KEY is required (or API_KEY_FILE)'],
      ['a missing file', () => ({ API_KEY_FILE: '/missing/secret' }), 'API_KEY_FILE cannot be read (ENOENT)'],
      ['a folder', () => ({ API_KEY_FILE: tempFolder() }), 'API_KEY_FILE cannot be read (EISDIR)'],
      ['two words', () => ({ API_KEY: `${SECRET} ${SECRET}` }), 'API_KEY must be one word of printable ASCII'],
      [
        'two lines',
        () => ({ API_KEY_FILE: fileWith(`${SECRET}\n${SECRET}\n`) }),
        'API_KEY must be one word of printable ASCII',
      ],
      [
        'a line of header',
        () => ({ API_KEY: `${SECRET}\r\nX-Evil: 1` }),
        'API_KEY must be one word of printable ASCII',
      ],
      ['other than ASCII', () => ({ API_KEY: `${SECRET}é` }), 'API_KEY must be one word of printable ASCII'],
      [
        'bytes',
        () => ({ API_KEY_FILE: fileWith(new Uint8Array([0, 255, 254])) }),
        'API_KEY must be one word of printable ASCII',
      ],
    ])(`${verifies('P5')} that is %s is an error that does not repeat it`, (_, environment, message) => {
      expect(thrownBy(() => readCredential('API_KEY', environment()))).toBe(message)
    })

    it(`${verifies('P5')} is never handed out`, () => {
      const credential = readCredential('API_KEY', { API_KEY: SECRET })
      const send = credential.connect(new URL('https://backend.example'), ENDPOINTS)
      const looks = inspect([credential, send], { depth: null, showHidden: true, getters: true })
      expect(looks).not.toContain(SECRET)
      expect(JSON.stringify([credential, send])).not.toContain(SECRET)
      expect(`${credential.connect} ${send}`).not.toContain(SECRET)
    })
  })

  describe('a request with the credential', () => {
    const connect = (base: string) => readCredential('API_KEY', { API_KEY: SECRET }).connect(new URL(base), ENDPOINTS)

    it.each([
      ['https://backend.example', 'https://backend.example/things/a1'],
      ['https://backend.example/', 'https://backend.example/things/a1'],
      ['https://backend.example/blog/v1', 'https://backend.example/blog/v1/things/a1'],
      ['https://backend.example/blog/v1/', 'https://backend.example/blog/v1/things/a1'],
      ['https://backend.example/blog/v1//', 'https://backend.example/blog/v1/things/a1'],
      ['https://backend.example:8443/a%20b/', 'https://backend.example:8443/a%20b/things/a1'],
      ['http://[::1]:9/x', 'http://[::1]:9/x/things/a1'],
    ])(`${verifies('P6')} keeps the path of its base: %s`, async (base, expected) => {
      const calls = captureFetch()
      await connect(base)(request())
      expect(calls.map(({ url }) => url.href)).toEqual([expected])
    })

    it(`${verifies('P5', 'P6')} follows no redirect and gives the credential the last word`, async () => {
      const calls = captureFetch()
      const send = connect('https://backend.example')
      await send(request({ headers: { accept: 'application/json', authorization: 'Bearer of bad news' } }))
      expect(calls[0]?.init).toMatchObject({
        method: 'GET',
        redirect: 'manual',
        headers: { accept: 'application/json', authorization: `Bearer ${SECRET}` },
      })
      expect(calls[0]?.init.body).toBeUndefined()
    })

    it.each([
      'DELETE /things/{id}',
      'PUT /things/{id}',
      'POST /things',
      'POST /things/{id}',
      'get /things/{id}',
      'GET /things/{id} ',
      ' GET /things/{id}',
      'GET  /things/{id}',
      'GET /things/{x}',
      'GET /things/a1',
      'GET',
      '',
      '__proto__',
      'constructor',
    ])(`${verifies('P6')} is not made to an endpoint that is not in the list: %j`, async endpoint => {
      const calls = captureFetch()
      const send = connect('https://backend.example')
      for (const path of ['/things/a1', '/things', '/'])
        await expect(send(request({ endpoint: endpoint as ReadEndpoint, path }))).rejects.toThrow(
          'not an endpoint of this server',
        )
      expect(calls).toEqual([])
    })

    it.each([
      '',
      '/',
      '/things',
      '/things/',
      '//things/a1',
      '/things//a1',
      '/things/a1/',
      '/things/a1/b',
      '/things/a1?all=1',
      '/things/a1#x',
      '/other/a1',
      '/x/things/a1',
      'things/a1',
      '/things/.',
      '/things/..',
      '/things/%2e',
      '/things/%2e%2e',
      '/things/.%2E',
      '/things/%2E.',
      '/things/a1\\..\\..',
      '/things/\\',
      '/things/a\n',
      '/things/a\t1',
      '/things/\u0000',
      '/things/é',
      '/things/a b',
      '/things/"',
      '/things/a1\n/x',
      '//evil.example/things/a1',
      '/\\evil.example/things/a1',
      '\\\\evil.example/things/a1',
      'https://evil.example/things/a1',
      '@evil.example/things/a1',
      ':80/things/a1',
      '.evil.example/things/a1',
      '/things/a1\u2028',
      '/things/\ud800',
    ])(`${verifies('P4', 'P6')} goes nowhere else: %j`, async path => {
      const calls = captureFetch()
      for (const base of ['https://backend.example', 'https://backend.example/v1', 'https://backend.example/v1/'])
        await expect(connect(base)(request({ path })), base).rejects.toThrow(/not an endpoint|would go elsewhere/)
      expect(calls).toEqual([])
    })

    it(`${verifies('P6')} takes an endpoint’s punctuation for what it is`, async () => {
      captureFetch()
      const send = connect('https://backend.example')
      await send(request({ endpoint: 'GET /a.b', path: '/a.b' }))
      await expect(send(request({ endpoint: 'GET /a.b', path: '/axb' }))).rejects.toThrow('not an endpoint')
      await expect(send(request({ endpoint: 'GET /things/{id}', path: '/things/{id}' }))).rejects.toThrow()
    })

    it(`${verifies('P4')} has each value of its query as one value`, async () => {
      const calls = captureFetch()
      const nasty = { email: 'a@b.example&admin=1#x', name: '?%26=+ é\n' }
      await connect('https://backend.example/v1')(request({ query: nasty }))
      const url = calls[0]?.url
      expect(url?.pathname).toBe('/v1/things/a1')
      expect(url?.hash).toBe('')
      expect([...(url?.searchParams ?? [])]).toEqual(Object.entries(nasty))
    })

    it(`${verifies('P5')} does not follow a redirect, with the credential or without`, async () => {
      const seen: IncomingMessage[] = []
      const server = createServer((incoming, response) => {
        seen.push(incoming)
        response.writeHead(307, { location: '/elsewhere' }).end()
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      const response = await connect(`http://127.0.0.1:${port}`)(request())
      expect(response.status).toBe(307)
      await response.body?.cancel()
      expect(seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([['/things/a1', `Bearer ${SECRET}`]])
    })
  })

  describe('the audit key', () => {
    const HEX = 'ab'.repeat(32)

    it('is the one that is given, in hex or base64, in a variable or a file', () => {
      const { kid } = readAuditKey('/never/made', { AUDIT_KEY: HEX }).key
      const base64 = Buffer.from(HEX, 'hex').toString('base64')
      for (const environment of [{ AUDIT_KEY: base64 }, { AUDIT_KEY_FILE: fileWith(`${HEX}\n`) }]) {
        const { key, keptIn } = readAuditKey('/never/made', environment)
        expect(key.kid).toBe(kid)
        expect(keptIn).toBeUndefined()
      }
      expect(existsSync('/never')).toBe(false)
    })

    it.each([
      ['too short', { AUDIT_KEY: 'ab'.repeat(31) }],
      ['no key at all', { AUDIT_KEY: `${SECRET} and more` }],
    ])(`${verifies('P5')} that is %s stops the start, and is not repeated`, (_, environment) => {
      const file = join(tempFolder(), 'audit.key')
      const message = thrownBy(() => readAuditKey(file, environment))
      expect(message).toMatch(/^AUDIT_KEY: /)
      expect(message).not.toContain('abab')
      // No other one takes its place.
      expect(existsSync(file)).toBe(false)
    })

    it('is made on the first start, for its owner alone, and found again', () => {
      const file = join(tempFolder(), 'state', 'deep', 'audit.key')
      const first = readAuditKey(file, {})
      expect(first.keptIn).toBe(file)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
      expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
      expect(readdirSync(dirname(file))).toEqual(['audit.key'])
      expect(readAuditKey(file, { AUDIT_KEY: '', AUDIT_KEY_FILE: '' }).key.kid).toBe(first.key.kid)
      const other = readAuditKey(join(tempFolder(), 'audit.key'), {})
      expect(other.key.kid).not.toBe(first.key.kid)
    })

    it('that is kept is never replaced, also if it is none', () => {
      for (const content of ['', 'short\n', 'not a key at all\n']) {
        const file = fileWith(content)
        expect(thrownBy(() => readAuditKey(file, {}))).toContain('none can be kept in')
        expect(readFileSync(file, 'utf8')).toBe(content)
      }
    })

    it('stops the start where none can be kept', () => {
      const folder = tempFolder()
      writeFileSync(join(folder, 'file'), '')
      expect(thrownBy(() => readAuditKey(join(folder, 'file', 'audit.key'), {}))).toContain('AUDIT_KEY is not set')
      mkdirSync(join(folder, 'audit.key'))
      expect(thrownBy(() => readAuditKey(join(folder, 'audit.key'), {}))).toContain('AUDIT_KEY is not set')
    })

    it('is made although an earlier start was cut short: in a container, each start has the same process id', () => {
      const file = join(tempFolder(), 'audit.key')
      writeFileSync(`${file}.${process.pid}`, 'half a k')
      chmodSync(`${file}.${process.pid}`, 0o600)
      expect(readAuditKey(file, {}).keptIn).toBe(file)
      expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    })

    it('is one and the same for ten processes that start at once', async () => {
      const file = join(tempFolder(), 'state', 'audit.key')
      const script = `
        import { readAuditKey } from ${JSON.stringify(source)}
        // All of them wait for one moment, so that none is done before another begins.
        while (Date.now() < ${Date.now() + 1500});
        process.stdout.write(readAuditKey(${JSON.stringify(file)}, {}).key.kid)
      `
      const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
      const kids = await Promise.all(Array.from({ length: 10 }, async () => (await run()).stdout))
      expect(new Set(kids).size).toBe(1)
      expect(kids[0]).toBe(readAuditKey(file, {}).key.kid)
      expect(readdirSync(dirname(file))).toEqual(['audit.key'])
      expect(statSync(file).mode & 0o777).toBe(0o600)
    })
  })
}

/** What a copy of a server that writes has to prove besides. */
export function describeWritingCredential(readCredential: ReadCredential<string, Write>): void {
  const credential = readCredential('API_KEY', { API_KEY: SECRET })
  const send = credential.connect(new URL('https://backend.example'), ['GET /things/{id}', 'POST /things'])

  describe('a request with the credential to write', () => {
    it(`${verifies('P5', 'P6')} has the method of its endpoint, and its body`, async () => {
      const calls = captureFetch()
      await send(request())
      await send({ ...request(), endpoint: 'POST /things', path: '/things', body: '{"a":1}' })
      expect(calls[0]?.init.method).toBe('GET')
      expect(calls[0]?.init.body).toBeUndefined()
      expect(calls[1]?.init).toMatchObject({
        method: 'POST',
        body: '{"a":1}',
        redirect: 'manual',
        headers: { authorization: `Bearer ${SECRET}` },
      })
    })

    it.each(['GET /things', 'PUT /things', 'DELETE /things', 'post /things'])(
      `${verifies('P6')} has no other method than its endpoint: %s`,
      async endpoint => {
        const calls = captureFetch()
        await expect(send({ ...request(), endpoint, path: '/things' })).rejects.toThrow('not an endpoint')
        expect(calls).toEqual([])
      },
    )
  })
}

/** What a copy of a server that only reads has to prove besides. */
export function describeReadingCredential(readCredential: ReadCredential<ReadEndpoint, Read>): void {
  describe('a request with the credential to read', () => {
    it(`${verifies('P5', 'P6')} is a GET without a body, whatever a caller in JavaScript adds to it`, async () => {
      const calls = captureFetch()
      const credential = readCredential('API_KEY', { API_KEY: SECRET })
      const send = credential.connect(new URL('https://backend.example'), ENDPOINTS)
      await send({ ...request(), body: '{}', method: 'DELETE' } as Read)
      expect(calls[0]?.init.method).toBe('GET')
      expect(calls[0]?.init.body).toBeUndefined()
    })
  })
}
