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

const STDIO = fileURLToPath(new URL('hostile/stdio.mjs', import.meta.url))
const HTTP = fileURLToPath(new URL('hostile/http.mjs', import.meta.url))
const TIMEOUT_SECONDS = 6
/** Where the verdict comes of reading up to a limit, which a busy machine may take long to reach; a reply may take a sixth. */
const READING_SECONDS = 36
/** To start, and to wait for a server that does not want to end, on a machine with other things to do. */
const MARGIN_MS = 8_000
/** Far below what it takes to keep what a server pours out; garbage is collected late on a machine with much memory. */
const MOST_MB = 800

const folder = mkdtempSync(join(tmpdir(), 'preship-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Expected = readonly [behaviour: string, code: number | 'any', says: RegExp, seconds?: number]

/** What holds of every run, whatever the server does. */
function isContained({ stdout, stderr, ms, peakMb }: Ended, seconds = TIMEOUT_SECONDS): void {
  expect(ms).toBeLessThan(seconds * 1_000 + MARGIN_MS)
  expect(peakMb).toBeLessThan(MOST_MB)
  for (const text of [stdout, stderr]) {
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(text.length).toBeLessThan(100_000)
  }
}

/** A rule may find one thing or another at a server that can be examined; and a flood may be read to its end or not. */
function endsInOrder(ended: Ended, code: number | 'any'): void {
  if (code === 'any') expect([0, 1, 3]).toContain(ended.code)
  else if (code === 0) expect([0, 1]).toContain(ended.code)
  else expect(ended.code).toBe(code)
}

async function isGone(mark: string): Promise<void> {
  // A process that was killed a moment ago may still be listed.
  for (let n = 0; n < 20 && processesWith('MARK', mark).length > 0; n += 1) await delay(50)
  expect(processesWith('MARK', mark)).toEqual([])
}

const LOCAL: readonly Expected[] = [
  ['tools without end in one message', 1, /more than anybody should have to read/, READING_SECONDS],
  ['tools without number', 1, /LIST_TOO_LONG/, READING_SECONDS],
  ['long results of many tools', 1, /MESSAGE_TOO_LARGE/, READING_SECONDS],
  ['a list that is long in all its pages', 1, /MESSAGE_TOO_LARGE/, READING_SECONDS],
  ['a new cursor each time', 1, /ENDLESS_LIST/, READING_SECONDS],
  ['the same cursor each time', 1, /ENDLESS_LIST/, READING_SECONDS],
  ['a list that changes', 1, /CHANGING_LIST/],
  ['a list that changes after it was looked at', 1, /CHANGING_LIST/],
  ['a list of things that are no tools', 0, /NOT_A_TOOL/],
  ['ten thousand levels', 1, /nests deeper than 200 levels/, READING_SECONDS],
  ['a million empty lists', 1, /more than 250000 values/, READING_SECONDS],
  ['references round and round', 0, /1 tool/],
  ['patterns that take for ever', 0, /1 tool/],
  ['silence', 3, /no reply in/],
  ['silence after the greeting', 3, /no reply in/],
  ['escapes in every text', 0, /2 tools/],
  ['escapes as the last words', 3, /ended \(1\)[\s\S]*red/],
  ['a flood of notifications', 'any', /floods its client|messages without end/],
  ['questions without end', 0, /ASKS_CLIENT/],
  ['noise on standard output', 0, /NOISE/],
  ['a line without end', 3, /more than anybody should have to read/, READING_SECONDS],
  ['standard error without end', 0, /1 tool/],
  ['no UTF-8', 0, /no UTF-8/],
  ['replies with other ids', 3, /answered what nobody asked/],
  ['death before the greeting', 3, /ended \(7\)/],
  ['death at a method of the later era', 0, /1 tool/],
  ['death after its list', 1, /BROKE_OFF|MALFORMED_BREAKS|CALL_UNANSWERED/],
  ['deaf to being ended', 0, /1 tool/],
  ['something left behind', 0, /1 tool/],
]

describe('a local server with', () => {
  it.for(LOCAL)('%s', async ([behaviour, code, says, seconds = TIMEOUT_SECONDS]) => {
    const mark = randomUUID()
    const options = ['--timeout', String(seconds), '--env', `MARK=${mark}`]
    const ended = await preship([...options, '--', process.execPath, STDIO, behaviour], {}, folder)
    isContained(ended, seconds)
    expect(`${ended.stdout}${ended.stderr}`).toMatch(says)
    endsInOrder(ended, code)
    await isGone(mark)
  })

  it('no program behind its command', async () => {
    const ended = await preship(['--', join(folder, 'none')], {}, folder)
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('it cannot be started: ENOENT') })
  })
})

const REMOTE: readonly Expected[] = [
  ['good behaviour', 0, /1 tool/],
  ['redirects round and round', 3, /HTTP 307: it redirects/],
  ['events that drip', 3, /no reply in/],
  ['events without end', 1, /without end|more than anybody should have to read/, READING_SECONDS],
  ['an event without end', 1, /more than anybody should have to read/, READING_SECONDS],
  ['chunks without end', 1, /more than anybody should have to read/, READING_SECONDS],
  ['a body that breaks off', 3, /broke off/],
  ['headers without end', 3, /headers are larger|broke off/],
  ['a little that unpacks to a lot', 1, /more than anybody should have to read/, READING_SECONDS],
  ['nothing at all', 3, /no reply in/],
  ['a closed door', 1, /--token-file/],
  ['a page of its own', 3, /HTTP 500/],
]

describe('a remote server with', () => {
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

  it.for(REMOTE)('%s', async ([behaviour, code, says, seconds = TIMEOUT_SECONDS]) => {
    const ended = await preship([await start(behaviour), '--timeout', String(seconds)], {}, folder)
    isContained(ended, seconds)
    expect(`${ended.stdout}${ended.stderr}`).toMatch(says)
    endsInOrder(ended, code)
  })

  it('a redirect to somebody else, who gets neither a request nor the token', async () => {
    const other = await start('good behaviour')
    const url = await start('a redirect to somebody else', other)
    const ended = await preship([url, '--timeout', String(TIMEOUT_SECONDS)], { PRESHIP_TOKEN: 'a-token' }, folder)
    isContained(ended)
    expect(ended.code).toBe(3)
    expect(await (await fetch(new URL('/seen', other))).json()).toBe(0)
  })

  it('nobody there', async () => {
    const ended = await preship(['http://127.0.0.1:9/mcp', '--timeout', '3'], {}, folder)
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') })
  })
})

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', signal => {
  it.each(['silence', 'deaf to being ended', 'a flood of notifications', 'something left behind'])(
    'ends it while a server has %s, and leaves nothing',
    async behaviour => {
      const mark = randomUUID()
      const options = ['--timeout', '600', '--env', `MARK=${mark}`]
      const { child, ended } = startPreship([...options, '--', process.execPath, STDIO, behaviour], {}, folder)
      for (let n = 0; n < 100 && processesWith('MARK', mark).length === 0; n += 1) await delay(50)
      const at = performance.now()
      child.kill(signal)
      const { code } = await ended
      // A server that behaves may have been done before.
      expect([signal === 'SIGINT' ? 130 : 143, 0]).toContain(code)
      if (behaviour === 'silence') expect(code).not.toBe(0)
      expect(performance.now() - at).toBeLessThan(MARGIN_MS)
      await isGone(mark)
    },
  )
})
