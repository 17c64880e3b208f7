import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { type Ended, preship, processesWith, startPreship } from './preship.ts'
import { SIZES } from './soak.ts'

const STDIO = fileURLToPath(new URL('hostile/stdio.mjs', import.meta.url))
const HTTP = fileURLToPath(new URL('hostile/http.mjs', import.meta.url))
const TIMEOUT_SECONDS = 6
/** For verdicts that need reading up to a limit, which takes long on a busy machine. One reply may take a sixth of it. */
const READING_SECONDS = 36
/** Allows for starting and for waiting on a server that ignores signals, on a busy machine. */
const MARGIN_MS = 8_000
/** Far less than keeping everything that the server sends would need. Garbage collection is late on large machines. */
const MAX_MB = 800

const folder = mkdtempSync(join(tmpdir(), 'preship-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Expected = readonly [behaviour: string, code: number | 'any', output: RegExp, seconds?: number]

/** Limits that hold for every run, whatever the server does. */
function expectContained({ stdout, stderr, ms, peakMb }: Ended, seconds = TIMEOUT_SECONDS): void {
  expect(ms).toBeLessThan(seconds * 1_000 + MARGIN_MS)
  expect(peakMb).toBeLessThan(MAX_MB)
  for (const text of [stdout, stderr]) {
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(text.length).toBeLessThan(100_000)
  }
}

/** 0 also allows 1, because a rule may have findings. `any` is for floods, which may be read to a limit or not. */
function expectExitCode(ended: Ended, code: number | 'any'): void {
  if (code === 'any') expect([0, 1, 3]).toContain(ended.code)
  else if (code === 0) expect([0, 1]).toContain(ended.code)
  else expect(ended.code).toBe(code)
}

async function expectNoProcesses(mark: string): Promise<void> {
  // A process that has just been killed may still be listed.
  for (let n = 0; n < 20 && processesWith('MARK', mark).length > 0; n += 1) await delay(50)
  expect(processesWith('MARK', mark)).toEqual([])
}

async function examineLocal([behaviour, code, output, seconds = TIMEOUT_SECONDS]: Expected): Promise<void> {
  const mark = randomUUID()
  const options = ['--timeout', String(seconds), '--env', `MARK=${mark}`]
  const ended = await preship([...options, '--', process.execPath, STDIO, behaviour, JSON.stringify(SIZES)], {}, folder)
  expectContained(ended, seconds)
  expect(`${ended.stdout}${ended.stderr}`).toMatch(output)
  expectExitCode(ended, code)
  await expectNoProcesses(mark)
}

/** These use all processors, so they run one after the other. */
const LOCAL_FLOODS: readonly Expected[] = [
  ['an endless tool list in one message', 1, /larger than 8 MB/, READING_SECONDS],
  ['too many tools', 1, /LIST_TOO_LONG/, READING_SECONDS],
  ['large results from many tools', 1, /MESSAGE_TOO_LARGE/, READING_SECONDS],
  ['a tool list that is too large over all pages', 1, /MESSAGE_TOO_LARGE/, READING_SECONDS],
  ['a new cursor on every page', 1, /ENDLESS_LIST/, READING_SECONDS],
  ['the same cursor on every page', 1, /ENDLESS_LIST/, READING_SECONDS],
  ['ten thousand nested objects', 1, /nested deeper than 200 levels/, READING_SECONDS],
  ['a million empty arrays', 1, /more than 250000 values/, READING_SECONDS],
  ['a flood of notifications', 'any', /floods its client|more than 100000 messages/],
  ['an endless line', 3, /larger than 8 MB/, READING_SECONDS],
  ['endless output on standard error', 0, /1 tool/],
  ['patterns with exponential run time', 0, /1 tool/],
]

const LOCAL: readonly Expected[] = [
  ['a tool list that changes', 1, /CHANGING_LIST/],
  ['a tool list that changes after the inspection', 1, /CHANGING_LIST/],
  ['a tool list with entries that are not tools', 0, /NOT_A_TOOL/],
  ['circular references', 0, /1 tool/],
  ['no replies at all', 3, /no reply in/],
  ['no replies after the handshake', 3, /no reply in/],
  ['terminal escapes in every text', 0, /2 tools/],
  ['terminal escapes on standard error before it exits', 3, /exited \(1\)[\s\S]*red/],
  ['endless requests to the client', 0, /ASKS_CLIENT/],
  ['log lines on standard output', 0, /NOISE/],
  ['invalid UTF-8', 0, /not valid UTF-8/],
  ['replies with wrong ids', 3, /unsolicited response/],
  ['an exit before the handshake', 3, /exited \(7\)/],
  ['an exit on server/discover', 0, /1 tool/],
  ['an exit on the second tools/list', 1, /BROKE_OFF|MALFORMED_BREAKS|CALL_UNANSWERED/],
  ['ignored signals', 0, /1 tool/],
  ['leftover child processes', 0, /1 tool/],
]

describe('preship contains a local server with', () => {
  it.for(LOCAL_FLOODS)('%s', examineLocal)

  it.concurrent.for(LOCAL)('%s', examineLocal)

  it.concurrent('a program that does not exist', async () => {
    const ended = await preship(['--', join(folder, 'none')], {}, folder)
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('the server cannot be started: ENOENT') })
  })
})

const REMOTE_FLOODS: readonly Expected[] = [
  ['endless events', 1, /more than 100000 messages|more than 96 MB/, READING_SECONDS],
  ['an endless event', 1, /larger than 8 MB/, READING_SECONDS],
  ['an endless body', 1, /larger than 8 MB/, READING_SECONDS],
  ['a compression bomb', 1, /larger than 8 MB/, READING_SECONDS],
]

const REMOTE: readonly Expected[] = [
  ['correct behaviour', 0, /1 tool/],
  ['circular redirects', 3, /HTTP 307: the server redirects/],
  ['an event stream without events', 3, /no reply in/],
  ['a truncated body', 3, /closed the connection/],
  ['oversized headers', 3, /headers exceed|closed the connection/],
  ['no replies at all', 3, /no reply in/],
  ['a 401 for every request', 1, /--token-file/],
  ['an HTML error page', 3, /HTTP 500/],
]

describe('preship contains a remote server with', () => {
  const servers: ChildProcess[] = []
  afterAll(() => {
    for (const server of servers) server.kill('SIGKILL')
  })

  async function start(...args: string[]): Promise<string> {
    const server = spawn(process.execPath, [HTTP, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    servers.push(server)
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    return `http://127.0.0.1:${String(port).trim()}/mcp`
  }

  async function examineRemote([behaviour, code, output, seconds = TIMEOUT_SECONDS]: Expected): Promise<void> {
    const ended = await preship([await start(behaviour), '--timeout', String(seconds)], {}, folder)
    expectContained(ended, seconds)
    expect(`${ended.stdout}${ended.stderr}`).toMatch(output)
    expectExitCode(ended, code)
  }

  it.for(REMOTE_FLOODS)('%s', examineRemote)

  it.concurrent.for(REMOTE)('%s', examineRemote)

  it.concurrent('a redirect to another server, which gets neither a request nor the token', async () => {
    const other = await start('correct behaviour')
    const url = await start('a redirect to another server', other)
    const ended = await preship([url, '--timeout', String(TIMEOUT_SECONDS)], { PRESHIP_TOKEN: 'a-token' }, folder)
    expectContained(ended)
    expect(ended.code).toBe(3)
    expect(await (await fetch(new URL('/seen', other))).json()).toBe(0)
  })

  it.concurrent('a port that nothing listens on', async () => {
    const ended = await preship(['http://127.0.0.1:9/mcp', '--timeout', '3'], {}, folder)
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') })
  })
})

describe.concurrent.each(['SIGINT', 'SIGTERM'] as const)('%s', signal => {
  it.each(['no replies at all', 'ignored signals', 'a flood of notifications', 'leftover child processes'])(
    'ends preship and all processes of a server with %s',
    async behaviour => {
      const mark = randomUUID()
      const options = ['--timeout', '600', '--env', `MARK=${mark}`]
      const { child, ended } = startPreship(
        [...options, '--', process.execPath, STDIO, behaviour, JSON.stringify(SIZES)],
        {},
        folder,
      )
      for (let n = 0; n < 100 && processesWith('MARK', mark).length === 0; n += 1) await delay(50)
      const at = performance.now()
      child.kill(signal)
      const { code } = await ended
      // The examination of a correct server may have finished before the signal.
      expect([signal === 'SIGINT' ? 130 : 143, 0]).toContain(code)
      if (behaviour === 'no replies at all') expect(code).not.toBe(0)
      expect(performance.now() - at).toBeLessThan(MARGIN_MS)
      await expectNoProcesses(mark)
    },
  )
})
