import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../test/setup/run.ts'
import { fileWith, tempFolder } from '../../test/setup/temp-folder.ts'
import { tinyReader, tinyServer } from '../../test/setup/tiny-server.ts'
import { commonSettings, REMOTE_SETTINGS } from './common-variables.ts'
import { helpOf } from './help.ts'
import { PLACEHOLDER_PROBLEM } from './placeholder.ts'

const SECRET = 'hunter2-s3cr3t'

/** A complete environment over stdio. Its state folder is a test’s own. */
function environmentOf(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    TINY_API_URL: 'http://127.0.0.1:9/v1',
    TINY_API_KEY: SECRET,
    XDG_STATE_HOME: tempFolder(),
    LOG_LEVEL: 'silent',
    ...change,
  }
}

/** Runs a command that cannot start; its problems. */
async function problemsOf(args: readonly string[], environment: NodeJS.ProcessEnv, server = tinyServer) {
  const { code, stdout, stderr } = await run(server, args, environment)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).not.toContain(SECRET)
  const [title, ...lines] = stderr.split('\n').slice(0, -1)
  expect(title).toBe('tiny cannot start:')
  return lines.map(line => /^ {2}- (.+)$/.exec(line)?.[1] ?? `not a problem: ${line}`)
}

/** A server on loopback that is closed when the test is over. */
async function listening(server: HttpServer): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe('the commands that need no configuration', () => {
  it.each(['--help', '-h'])('%s writes the help and exits with 0', async flag => {
    expect(await run(tinyServer, [flag], {})).toEqual({ code: 0, stdout: helpOf(tinyServer), stderr: '' })
  })

  it.each(['--version', '-v'])('%s writes the version and exits with 0', async flag => {
    expect(await run(tinyServer, [flag], {})).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' })
  })

  it.each([[['serve']], [['http', '--port=65536']], [['http', '--tls']]])(
    '%j is not understood: the help goes to the operator, and the exit code is 2',
    async args => {
      const { code, stdout, stderr } = await run(tinyServer, args, environmentOf())
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/^tiny: .+\n\n/)
      expect(stderr.endsWith(helpOf(tinyServer))).toBe(true)
    },
  )
})

describe('a configuration with problems', () => {
  it(`${verifies('P5')} is refused with all of them in one message`, async () => {
    const environment = environmentOf({
      TINY_API_URL: `https://user:${SECRET}@backend.example`,
      TINY_API_KEY: `two ${SECRET}`,
      TINY_CONFIRM: 'no',
      AUDIT_KEY: SECRET,
      AUDIT_FILE: 'audit.jsonl',
      LOG_LEVEL: 'loud',
      MCP_PUBLIC_URL: 'nowhere',
    })
    const expected = [
      'TINY_API_URL must not hold a credential',
      'TINY_CONFIRM must be one of: required, description',
      'AUDIT_FILE must be an absolute path',
      'LOG_LEVEL must be one of: fatal, error, warn, info, debug, trace, silent',
      'MCP_PUBLIC_URL must be a URL',
      'OAUTH_ISSUER and MCP_PUBLIC_URL go together: give both or neither',
      'TINY_API_KEY must be one word of printable ASCII',
      expect.stringMatching(/^AUDIT_KEY: a key has at least 32 bytes/),
    ]
    expect(await problemsOf([], environment)).toEqual(expected)
    expect(await problemsOf(['check'], environment)).toEqual(expected)
  })

  it(`${verifies('P15')} is refused with all of them in one message, including those of remote callers`, async () => {
    expect(
      await problemsOf(['http', '--host', '0.0.0.0'], { MCP_STORE_URL: `redis://:${SECRET}@store.example` }),
    ).toEqual([
      'TINY_API_URL is required',
      'TINY_API_KEY is required (or TINY_API_KEY_FILE)',
      'AUDIT_KEY is required (or AUDIT_KEY_FILE)',
      'OAUTH_ISSUER and MCP_PUBLIC_URL are required to listen at 0.0.0.0, where others can call',
      'AUDIT_FILE is required to serve remote callers',
      expect.stringMatching(/^MCP_STORE_URL must be rediss:/),
      'MCP_STATE_KEY is required with MCP_STORE_URL',
    ])
  })

  it('is not refused for the store of replicas over stdio, nor for a server that only reads', async () => {
    const environment = environmentOf({ MCP_STORE_URL: 'store', TINY_API_KEY: '' })
    expect(await problemsOf([], environment)).toEqual(['TINY_API_KEY is required (or TINY_API_KEY_FILE)'])
    const { AUDIT_FILE, AUDIT_KEY } = { AUDIT_FILE: join(tempFolder(), 'audit'), AUDIT_KEY: 'ab'.repeat(32) }
    expect(await problemsOf(['http'], { ...environment, AUDIT_FILE, AUDIT_KEY }, tinyReader)).toEqual([
      'TINY_API_KEY is required (or TINY_API_KEY_FILE)',
    ])
  })

  const variables = [
    ...[tinyServer.settings, commonSettings('tiny'), REMOTE_SETTINGS].flatMap(({ variables: declared }) =>
      Object.values(declared).map(({ name }) => name),
    ),
    ...['TINY_API_KEY', 'AUDIT_KEY', 'MCP_STATE_KEY', 'MCP_STORE_URL'].flatMap(name => [name, `${name}_FILE`]),
  ]

  it.each(variables)(
    `${verifies('P5')} is refused by the name of a variable that holds a placeholder: %s`,
    async name => {
      const secret = name.replace(/_FILE$/, '')
      const complete = {
        TINY_API_URL: 'http://127.0.0.1:9/v1',
        TINY_API_KEY: SECRET,
        AUDIT_FILE: join(tempFolder(), 'audit.jsonl'),
        AUDIT_KEY: 'ab'.repeat(32),
        OAUTH_ISSUER: 'https://idp.example',
        MCP_PUBLIC_URL: 'https://mcp.example/mcp',
        MCP_STATE_KEY: 'ab'.repeat(32),
        MCP_STORE_URL: 'rediss://store.example',
      }
      for (const value of [
        `\${user_config.${SECRET}}`,
        '${VAR}',
        '$VAR',
        '%VAR%',
        '{env:X}',
        `https://\${${SECRET}}/v1`,
      ]) {
        const environment = { ...complete, ...(secret !== 'AUDIT' && { [secret]: '' }), [name]: value }
        const problems = await problemsOf(['http'], environment)
        expect(problems[0], value).toBe(`${name} ${PLACEHOLDER_PROBLEM}`)
      }
    },
  )

  it(`${verifies('P8')} is refused if the audit log cannot be opened`, async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'folder'))
    for (const AUDIT_FILE of [join(folder, 'missing', 'audit.jsonl'), join(folder, 'folder')])
      expect(await problemsOf([], environmentOf({ AUDIT_FILE }))).toEqual([
        expect.stringMatching(/^AUDIT_FILE cannot be opened: /),
      ])
    const XDG_STATE_HOME = fileWith('')
    expect(await problemsOf([], environmentOf({ XDG_STATE_HOME, AUDIT_KEY: 'ab'.repeat(32) }))).toEqual([
      expect.stringMatching(/^AUDIT_FILE cannot be opened: /),
    ])
  })

  it('does not hide a fault of the server', async () => {
    const broken = {
      ...tinyServer,
      connect() {
        throw new TypeError('a bug')
      },
    }
    await expect(run(broken, ['check'], environmentOf())).rejects.toThrow('a bug')
  })
})

describe('check', () => {
  /** A backend that answers every request with who asks. */
  async function backendThatKnows(scopes: readonly string[]) {
    const seen: IncomingMessage[] = []
    const port = await listening(
      createServer((request, response) => {
        seen.push(request)
        response.end(JSON.stringify({ name: 'tiny key', scopes }))
      }),
    )
    return { seen, url: `http://127.0.0.1:${port}/v1` }
  }

  it(`${verifies('P5')} exits with 0 if everything works`, async () => {
    const { seen, url } = await backendThatKnows(['things:read', 'things:list'])
    const environment = environmentOf({ TINY_API_URL: url })
    const { code, stdout, stderr } = await run(tinyServer, ['check'], environment)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain('FAILED')
    expect(stdout).not.toContain(SECRET)
    expect(stdout).toContain(`${url} knows this server as “tiny key”`)
    expect(seen.map(({ url: path, headers }) => [path, headers.authorization])).toEqual([
      ['/v1/whoami', `Bearer ${SECRET}`],
    ])
    const folder = join(environment.XDG_STATE_HOME ?? '', 'narrow-deputies', 'tiny')
    expect(stdout).toContain(`under the key kept in ${join(folder, 'audit.key')}`)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    const records = readFileSync(join(folder, 'audit.jsonl'), 'utf8').split('\n').slice(0, -1)
    expect(records.map(line => JSON.parse(line))).toMatchObject([
      { event: 'start', server: 'tiny' },
      { event: 'stop', server: 'tiny' },
    ])
  })

  it(`${verifies('P7')} keeps the state folder for its owner alone, also if the audit key is given`, async () => {
    const environment = environmentOf({ AUDIT_KEY: 'ab'.repeat(32) })
    await run(tinyServer, ['check'], environment)
    const folder = join(environment.XDG_STATE_HOME ?? '', 'narrow-deputies', 'tiny')
    expect(readdirSync(folder)).toContain('audit.jsonl')
    expect(readdirSync(folder)).not.toContain('audit.key')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('exits with 1 if something does not work', async () => {
    const { url } = await backendThatKnows(['things:read'])
    const { code, stdout, stderr } = await run(tinyServer, ['check'], environmentOf({ TINY_API_URL: url }))
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain('FAILED  its key lacks: things:list')
  })

  it(`${verifies('P10')} keeps the audit log, its head and its key where it is told`, async () => {
    const folder = tempFolder()
    const { url } = await backendThatKnows(tinyServer.scopes)
    const environment = environmentOf({
      TINY_API_URL: url,
      AUDIT_FILE: join(folder, 'log'),
      AUDIT_HEAD_FILE: join(folder, 'head'),
      AUDIT_KEY_FILE: fileWith('ab'.repeat(32)),
    })
    const { code, stdout } = await run(tinyServer, ['check'], environment)
    expect(code).toBe(0)
    expect(stdout).toContain('under the key given')
    for (const name of ['log', 'head']) expect(existsSync(join(folder, name)), name).toBe(true)
    expect(existsSync(join(environment.XDG_STATE_HOME ?? '', 'narrow-deputies'))).toBe(false)
  })
})

describe('http', () => {
  it(`${verifies('P15')} exits with 1 if it cannot listen, and closes its audit log`, async () => {
    const port = await listening(createServer())
    const AUDIT_FILE = join(tempFolder(), 'audit.jsonl')
    const environment = environmentOf({ AUDIT_FILE, AUDIT_KEY: 'ab'.repeat(32) })
    for (const server of [tinyServer, tinyReader]) {
      writeFileSync(AUDIT_FILE, '')
      const { code, stdout, stderr } = await run(server, ['http', '--port', String(port)], environment)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^tiny cannot listen at 127\\.0\\.0\\.1, port ${port}: .*EADDRINUSE`))
      expect(readFileSync(AUDIT_FILE, 'utf8')).toContain('"event":"stop"')
    }
  })

  it('closes its connection to the store if it cannot listen', async () => {
    const port = await listening(createServer())
    let closed = 0
    const store = { confirmations: undefined, reach: undefined, close: () => void closed++ }
    const writes = { remoteVariables: [], local: () => undefined, remote: () => async () => store }
    const AUDIT_FILE = join(tempFolder(), 'audit.jsonl')
    const environment = environmentOf({ AUDIT_FILE, AUDIT_KEY: 'ab'.repeat(32) })
    await run({ ...tinyServer, writes }, ['http', '--port', String(port)], environment)
    expect(closed).toBe(1)
  })
})
