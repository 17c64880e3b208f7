import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entryPoint, SERVERS } from './repository.ts'
import { RunningServer } from './running-server.ts'

/** Nothing listens there, and these tests send no request to a backend. */
const NOWHERE = 'http://127.0.0.1:9/v1'

let folder: string

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'stdio-sockets-')))
  mkdirSync(join(folder, 'drafts'), { mode: 0o700 })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The settings of all three servers. Each ignores the variables of the others. */
function environment(server: string): Record<string, string> {
  const prefixes = ['BLOG', 'CRM', 'TICKET']
  return {
    ...Object.fromEntries(
      prefixes.flatMap(prefix => [
        [`${prefix}_API_URL`, NOWHERE],
        [`${prefix}_API_KEY`, 'a-key'],
      ]),
    ),
    BLOG_DRAFTS_DIR: join(folder, 'drafts'),
    AUDIT_FILE: join(folder, `${server}.jsonl`),
    AUDIT_KEY: 'ab'.repeat(32),
  }
}

/** The sockets of a process that others can connect to: listening TCP and Unix sockets, and bound UDP sockets. */
function reachableSockets(pid: number): string[] {
  const rows = (table: string): string[][] => {
    try {
      const [, ...lines] = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n')
      return lines.map(line => line.trim().split(/\s+/))
    } catch (error) {
      // A system without IPv6 does not have its tables.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
  const LISTENING = '0A'
  const ACCEPTS_CONNECTIONS = 0x10000
  const reachable = new Map([
    ...['tcp', 'tcp6'].flatMap(table =>
      rows(table)
        .filter(([, , , state]) => state === LISTENING)
        .map(row => [row[9], `${table} ${row[1]}`] as const),
    ),
    ...['udp', 'udp6'].flatMap(table => rows(table).map(row => [row[9], `${table} ${row[1]}`] as const)),
    ...rows('unix')
      .filter(([, , , flags = '0']) => (Number.parseInt(flags, 16) & ACCEPTS_CONNECTIONS) !== 0)
      .map(row => [row[6], `unix ${row[7] ?? ''}`] as const),
  ])
  return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    const inode = /^socket:\[(\d+)\]$/.exec(targetOf(`/proc/${pid}/fd/${fd}`))?.[1]
    return reachable.get(inode) ?? []
  })
}

/** The target of a link in /proc, or an empty string if the file was closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

describe('over stdio', () => {
  describe.each(SERVERS)('%s', name => {
    it.skipIf(process.platform !== 'linux')(
      `${verifies('P15')} opens no socket that others can connect to`,
      async () => {
        const server = new RunningServer(entryPoint(name), environment(name))
        await server.open('legacy')
        const { result } = await server.request('tools/list', {})
        expect(result).toHaveProperty('tools')
        expect(reachableSockets(server.child.pid ?? 0)).toEqual([])
        expect(await server.end()).toBe(0)
      },
    )
  })

  it.skipIf(process.platform !== 'linux')('a listening socket is detected', async () => {
    const path = join(folder, 'socket')
    const [tcp, local] = [createServer(), createServer()]
    await new Promise<void>(resolve => tcp.listen(0, '127.0.0.1', resolve))
    await new Promise<void>(resolve => local.listen(path, resolve))
    const port = (tcp.address() as AddressInfo).port.toString(16).toUpperCase().padStart(4, '0')
    expect(reachableSockets(process.pid)).toEqual(expect.arrayContaining([`tcp 0100007F:${port}`, `unix ${path}`]))
    await Promise.all([tcp, local].map(server => new Promise(resolve => server.close(resolve))))
    expect(reachableSockets(process.pid)).not.toContain(`tcp 0100007F:${port}`)
  })
})
