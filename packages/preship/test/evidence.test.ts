import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { AUDIT_KINDS, auditFile } from '../src/evidence/audit-file.ts'
import { readAuditLog } from '../src/evidence/audit-log.ts'
import { MANIFEST_KINDS, type Manifest, manifestEvidence, readManifest } from '../src/evidence/manifest.ts'
import { readSource } from '../src/evidence/source-text.ts'
import { SOURCE_KINDS, sourceTree } from '../src/evidence/source-tree.ts'
import type { Report } from '../src/report/report.ts'
import { secretsOf } from '../src/secrets.ts'
import { startPreship } from './preship.ts'
import { codesOf, probe } from './probed.ts'

const NOTES = fileURLToPath(new URL('fixtures/notes-server.mjs', import.meta.url))

const parent = mkdtempSync(join(tmpdir(), 'preship-evidence-'))
afterAll(() => rmSync(parent, { recursive: true, force: true }))

/** A folder of its own for each test, because tests run concurrently. */
function newFolder(): string {
  return mkdtempSync(join(parent, 'test-'))
}

const KEY = 'k-5f2c9d7e41ab'

async function audited(faults: readonly string[], fields?: Record<string, string[]>, mayWrite = true) {
  const file = join(newFolder(), 'audit.jsonl')
  const evidence = [auditFile({ file, fields, secrets: [['NOTES_API_KEY', KEY]] })]
  return await probe(faults, { AUDIT_FILE: file, NOTES_API_KEY: KEY }, { evidence, mayWrite })
}

const AUDIT: Record<string, string[]> = {
  AUDIT_UNREADABLE: ['audit-nothing'],
  AUDIT_CALL_MISSING: ['audit-no-traceId', 'audit-no-tool'],
  AUDIT_REFUSAL_MISSING: ['audit-no-refusals'],
  AUDIT_CALL_TWICE: ['audit-twice'],
  AUDIT_WITHOUT_TIME: ['audit-no-time'],
  AUDIT_WITHOUT_TOOL: ['audit-no-tool'],
  AUDIT_WITHOUT_ARGUMENTS: ['audit-no-args'],
  AUDIT_WITHOUT_RESULT: ['audit-no-end'],
  AUDIT_WITHOUT_CALLER: ['audit-no-caller'],
  AUDIT_WITHOUT_TRACE: ['audit-no-traceId'],
  AUDIT_SECRET_IN_CLEAR: ['audit-secret'],
  AUDIT_CLEAR_ARGUMENTS: ['audit-clear'],
}

describe.concurrent('an audit log', () => {
  it('passes if it contains every call', async () => {
    const report = await audited([])
    expect(report.findings).toEqual([])
    expect(report.verdicts.find(({ item }) => item === 5)).toMatchObject({ answer: 'pass' })
    expect(report.verdicts.find(({ item }) => item === 5)?.evidence[0]).toMatch(
      /^all \d+ calls .* on record, \d+ of them refused/,
    )
  })

  for (const [code, faults] of Object.entries(AUDIT))
    it(`has the finding ${code}: ${faults.join(', ')}`, async () => {
      const report = await audited(faults)
      expect(codesOf(report)).toContain(code)
      expect(report.verdicts.find(({ item }) => item === 5)?.codes).toContain(code)
    })

  it('must contain malformed calls, with what is known about them', async () => {
    const toolOf = (report: Report, code: string) => report.findings.find(each => each.code === code)?.tool
    const missing = await audited(['audit-no-malformed'])
    expect(codesOf(missing)).toEqual(['AUDIT_REFUSAL_MISSING'])
    expect(toolOf(missing, 'AUDIT_REFUSAL_MISSING')).toMatch(/^a call without params, /)
    expect(codesOf(await audited(['audit-bare-malformed'])).sort()).toEqual([
      'AUDIT_WITHOUT_CALLER',
      'AUDIT_WITHOUT_TRACE',
    ])
  })

  it('cannot answer question 5 if no call was executed', async () => {
    const report = await audited(['no-labels'], undefined, false)
    expect(report.verdicts.find(({ item }) => item === 5)).toMatchObject({ answer: 'person', codes: [] })
  })

  it('lacks the arguments if it contains empty ones instead', async () => {
    expect(codesOf(await audited(['audit-empty-args']))).toEqual(['AUDIT_WITHOUT_ARGUMENTS'])
  })

  it('is read with the fields of the manifest', async () => {
    expect(codesOf(await audited([], { caller: ['who'] }))).toEqual(['AUDIT_WITHOUT_CALLER'])
  })

  it('has a test for each code', () => {
    expect(Object.keys(AUDIT).sort()).toEqual(Object.keys(AUDIT_KINDS).sort())
  })
})

describe.concurrent('a hostile audit log', () => {
  it('is unreadable if it is missing or a folder', async () => {
    const file = join(newFolder(), 'audit.jsonl')
    await expect(readAuditLog(file, [])).rejects.toThrow('ENOENT')
    mkdirSync(file)
    await expect(readAuditLog(file, [])).rejects.toThrow('it is not a regular file')
  })

  it.skipIf(process.platform === 'win32')('does not block preship if it is a pipe', async () => {
    const folder = newFolder()
    const file = join(folder, 'audit.jsonl')
    writeFileSync(file, '{}\n')
    execFileSync('mkfifo', [`${file}.1`])
    // In a separate process, because a process that is blocked by a pipe can only be ended from outside.
    const { child, ended } = startPreship(['--audit', file, '--', process.execPath, NOTES], {}, folder)
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    const { code, stdout } = await ended
    clearTimeout(timer)
    expect(code).toBe(1)
    expect(stdout).toMatch(/AUDIT_UNREADABLE: .+\n\s+it is not a regular file/)
  })

  it('is unreadable if it has too many lines, too many invalid lines, or too many values', async () => {
    const file = join(newFolder(), 'audit.jsonl')
    writeFileSync(file, '\n'.repeat(2_000_001))
    await expect(readAuditLog(file, [])).rejects.toThrow('more than 2000000 lines')
    writeFileSync(file, '{"a"\n'.repeat(10_001))
    await expect(readAuditLog(file, [])).rejects.toThrow('lines are not valid JSON')
    writeFileSync(file, `{"a":[${'0,'.repeat(200_000)}0]}\n`.repeat(40))
    await expect(readAuditLog(file, [])).rejects.toThrow('need too much memory')
  })

  it('is read line by line, and other lines are skipped', async () => {
    const file = join(newFolder(), 'audit.jsonl')
    writeFileSync(file, 'text\n{"a":1}\n[2]\n{"a":"sesame')
    writeFileSync(`${file}.1`, `{"b":"sesame"}\r\n{"c":${'['.repeat(500)}${']'.repeat(500)}}\n`)
    const { records, found } = await readAuditLog(file, [
      ['A', 'sesame'],
      ['B', 'open'],
    ])
    expect(records).toEqual([{ a: 1 }, { b: 'sesame' }])
    expect([...found]).toEqual(['A'])
  })
})

describe('the secrets of a target', () => {
  const of = (env: Record<string, string>) => secretsOf({ kind: 'stdio', program: 'a', args: [], env })

  it('are variables with such names, and passwords in URLs', () => {
    expect(of({ MODE: 'production', API_URL: 'http://127.0.0.1:8080', AUDIT_KEY_FILE: '/run/secrets/key' })).toEqual([])
    expect(of({ NOTES_API_KEY: KEY, DATABASE_URL: 'postgres://notes:sesame-open@db/notes' })).toEqual([
      ['NOTES_API_KEY', KEY],
      ['DATABASE_URL', 'postgres://notes:sesame-open@db/notes'],
      ['DATABASE_URL', 'sesame-open'],
    ])
  })

  it('include both tokens of a remote server', () => {
    const url = new URL('https://notes.example.com/mcp')
    const all = secretsOf({ kind: 'url', url, token: 'a-token', foreignToken: 'another' })
    expect(all.map(([, value]) => value)).toEqual(['a-token', 'another'])
  })
})

/** For each code, source code with the finding, and similar source code without it. */
const SOURCE: Record<string, [faulty: string, clean: string]> = {
  DATABASE_DRIVER: [`import pg from 'pg'`, `// import pg from 'pg'\nconst text = "import pg from 'pg'"`],
  DATABASE_CREDENTIAL: [`const url = process.env.DATABASE_URL`, `const url = process.env.NOTES_API_URL`],
  ENVIRONMENT_PASSED_ON: [
    `spawn('git', [], { env: { ...process.env, A: '1' } })`,
    `spawn('git', [], { env: { PATH: process.env.PATH } })`,
  ],
  TOKEN_LOGGED: [`console.error('calling', apiKey)`, `console.error('there is no token')`],
  SHELL_RUN: [
    `import { exec } from 'node:child_process'\nexec('ls ' + name)`,
    `import { execFile } from 'node:child_process'\nconst found = /a/.exec(name)\nexecFile('ls', [name])`,
  ],
  CODE_EVALUATED: [`const value = eval(text)`, `const value = retrieval(text) // eval(text)`],
  ADDRESS_INTERPOLATED: [
    'await fetch(`${base}/notes/${noteId}`)',
    'await fetch(`${base}/notes/${encodeURIComponent(noteId)}`)',
  ],
  PATH_INTERPOLATED: ['readFileSync(join(root, args.name))', `readFileSync(join(root, 'package.json'))`],
}

function written(files: Record<string, string>, folder = newFolder()): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const codesIn = async (path: string): Promise<string[]> =>
  codesOf({ findings: (await sourceTree(path).judge(NO_SURFACE, [])).findings } as never)

const NO_SURFACE = {
  server: { name: '', version: '' },
  era: 'modern',
  instructions: '',
  capabilities: [],
  tools: [],
  anomalies: [],
} as const

describe('a source tree', () => {
  for (const [code, [faulty, clean]] of Object.entries(SOURCE))
    it(`has the finding ${code}`, async () => {
      expect(await codesIn(written({ 'src/tools/note.ts': faulty }))).toEqual([code])
      expect(await codesIn(written({ 'src/tools/note.ts': clean }))).toEqual([])
    })

  it('is reported with file and line, without tests and installed packages', async () => {
    const tree = written({
      'src/a.ts': '\n\nconst value = eval(text)',
      'src/a.test.ts': 'eval(text)',
      'node_modules/b/index.js': 'eval(text)',
    })
    const { findings } = await sourceTree(tree).judge(NO_SURFACE, [])
    expect(findings.map(({ message }) => message)).toEqual(['src/a.ts:3: eval('])
  })

  it('does not treat a default, a counter, an encoded value or a directory entry as a caller’s value', async () => {
    const tree = written({
      'src/a.ts': [
        'export function keys(env = process.env) { return env.KEY }',
        'let page = 1',
        'await fetch(`${base}/groups?per_page=100&page=${page}`)',
        'await fetch(`${base}/files/${encodedPath}/${encodeSegment(id)}?${params.toString()}`)',
        'for (const file of readdirSync(ROOT)) readFileSync(join(ROOT, file))',
      ].join('\n'),
    })
    expect(await codesIn(tree)).toEqual([])
  })

  it('is scanned for URLs that are passed to the server’s own functions', async () => {
    const tree = written({
      'src/a.ts': 'await hostRequest(`https://api.example.com/repos/${owner}`)',
      'src/b.ts': 'const url = `https://api.example.com/repos/${owner}`',
    })
    const { findings } = await sourceTree(tree).judge(NO_SURFACE, [])
    expect(findings.map(({ code, message }) => `${code} ${message.slice(0, 8)}`)).toEqual([
      'ADDRESS_INTERPOLATED src/a.ts',
      'ADDRESS_INTERPOLATED src/b.ts',
    ])
  })

  it('is scanned for dependencies, and for Python code', async () => {
    expect(await codesIn(written({ 'package.json': '{"dependencies":{"mysql2":"3"}}', 'a.js': '' }))).toEqual([
      'DATABASE_DRIVER',
    ])
    expect(
      await codesIn(written({ 'package.json': '{"devDependencies":{"mysql2":"3"}}', 'a.py': 'import psycopg2\n' })),
    ).toEqual(['DATABASE_DRIVER'])
    expect(await codesIn(written({ 'a.py': 'subprocess.run(command, shell=True)  # shell=True\n' }))).toEqual([
      'SHELL_RUN',
    ])
  })

  it.each([
    `import { promisify } from 'node:util'\nimport { exec } from 'child_process'\nconst run = promisify(exec)`,
    `import * as processes from 'node:child_process'\nprocesses.execSync(command)`,
    `const processes = require('child_process')\nprocesses.exec(command)`,
    `import { exec as run } from 'node:child_process'\nrun(command)`,
    `const { exec: run } = require('child_process')\nrun(command)`,
    `import { spawn } from 'node:child_process'\nspawn('/bin/sh', ['-c', command])`,
    `import { spawn } from 'node:child_process'\nspawn(program, args, { shell: '/bin/bash' })`,
    `import { $ } from 'zx'`,
  ])('with a shell is found: %j', async text => {
    expect(await codesIn(written({ 'src/a.ts': text }))).toEqual(['SHELL_RUN'])
  })

  it.each([
    `import { spawn } from 'node:child_process'\nspawn('git', ['-c', value])\nconst shell = 'bash'`,
    `import * as processes from 'node:child_process'\nprocesses.execFile('git', [value])\n/a/.exec(text)`,
    `const text = "import { $ } from 'zx'" // promisify(exec)`,
    `const options = { shell: 'bash' }`,
    `import Redis from 'ioredis'`,
  ])('without shell and database has no findings: %j', async text => {
    expect(await codesIn(written({ 'src/a.ts': text }))).toEqual([])
  })

  it.each([
    ['CODE_EVALUATED', 'a.ts', '(0, eval)(text)'],
    ['CODE_EVALUATED', 'a.ts', 'globalThis.eval(text)'],
    ['CODE_EVALUATED', 'a.ts', 'Function(text)()'],
    ['CODE_EVALUATED', 'a.ts', 'vm.runInNewContext(text)'],
    ['CODE_EVALUATED', 'a.py', 'exec(text)\n'],
    ['SHELL_RUN', 'a.py', 'subprocess.getoutput(text)\n'],
    ['DATABASE_DRIVER', 'a.ts', `const { DatabaseSync } = process.getBuiltinModule('node:sqlite')`],
    ['DATABASE_DRIVER', 'a.ts', 'const pg = await import(`pg`)'],
    ['DATABASE_DRIVER', 'a.ts', `import { createClient } from '@libsql/client'`],
    ['ENVIRONMENT_PASSED_ON', 'a.ts', `const env = Object.assign({}, process.env, { A: '1' })`],
  ])('has the finding %s in %s: %s', async (code, name, text) => {
    expect(await codesIn(written({ [`src/${name}`]: text }))).toEqual([code])
  })

  it('is reported with the files that were not examined', async () => {
    const large = `// ${'x'.repeat(1024 * 1024)}\n`
    const tree = written({ 'src/a.ts': '', 'src/large.js': large, 'src/picture.svg': large, 'src/a.test.ts': large })
    mkdirSync(join(tree, ...Array(22).fill('deep')), { recursive: true })
    const { findings } = await sourceTree(tree).judge(NO_SURFACE, [])
    expect(findings.map(({ code, message }) => `${code} ${message.replaceAll('deep/', '')}`)).toEqual([
      'SOURCE_UNREAD deep: more than 20 folders deep',
      'SOURCE_UNREAD src/large.js: larger than 1 MB',
    ])
  })

  it('is reported with the folders that were skipped', async () => {
    const tree = written({ 'src/a.ts': '', 'src/b.ts': '' })
    for (const name of ['dist', 'examples', 'node_modules', '.git']) mkdirSync(join(tree, name))
    const { evidence } = await sourceTree(tree).judge(NO_SURFACE, [])
    expect(evidence.map(({ text }) => text)).toContain(
      '2 source files (without dist, examples) run no shell and evaluate no text as code',
    )
  })

  it('without files is reported', async () => {
    expect(await codesIn(newFolder())).toEqual(['SOURCE_EMPTY'])
  })

  it('keeps the position of every character when comments and strings are blanked', () => {
    const text = 'const a = `b ${c("d") /* e */} f` // g\nconst h = i / 2 /* j */, k = /["\'`]/.test(l)'
    const { code, withStrings } = readSource(text, 'js')
    expect(code).toHaveLength(text.length)
    expect(code.replace(/ +/g, ' ')).toBe('const a = ` ${c(" ") } ` \nconst h = i / 2 , k = / /.test(l)')
    expect(withStrings).toContain('c("d")')
  })

  it('has a test for each code', () => {
    expect([...Object.keys(SOURCE), 'SOURCE_EMPTY', 'SOURCE_UNREAD'].sort()).toEqual(Object.keys(SOURCE_KINDS).sort())
  })
})

const GOOD: Manifest = {
  concern: 'reading and publishing notes',
  tools: ['listNotes', 'readNote', 'findNotes', 'publishNote'],
  backend: { api: 'https://notes.example.com/v1/{path}', authenticated: true },
  credentials: [
    { name: 'NOTES_API_KEY', scopes: ['notes:read', 'notes:publish'], operations: ['GET /notes', 'POST /notes'] },
  ],
  ownKeys: ['AUDIT_KEY'],
}
const credential = (more: object) => ({ credentials: [{ ...GOOD.credentials?.[0], ...more }] })

const MANIFEST: Record<string, object> = {
  TOOL_OUTSIDE_CONCERN: { tools: ['listNotes', 'readNote', 'findNotes'] },
  TOOL_DECLARED_MISSING: { tools: [...(GOOD.tools ?? []), 'deleteNote'] },
  CONCERN_DOUBTFUL: { concern: 'support tickets', tools: undefined },
  BACKEND_UNAUTHENTICATED: { backend: { ...GOOD.backend, authenticated: false } },
  BACKEND_IS_DATABASE: { backend: { api: 'postgres://notes@db/notes', authenticated: true } },
  BACKEND_NOT_TLS: { backend: { api: 'http://notes.example.com/', authenticated: true } },
  CREDENTIAL_UNDECLARED: { ownKeys: [] },
  CREDENTIAL_UNUSED: credential({ name: 'OLD_API_KEY' }),
  CREDENTIAL_WIDE: credential({ scopes: ['*'] }),
  CREDENTIAL_SCOPES_UNKNOWN: credential({ scopes: [] }),
  CREDENTIAL_BEYOND_TOOLS: credential({ operations: ['DELETE /notes'] }),
}

describe.concurrent('a manifest', () => {
  const judged = async (more: object, inspectOnly = true) => {
    const folder = newFolder()
    const file = join(folder, 'preship.json')
    writeFileSync(file, JSON.stringify({ ...GOOD, ...more }))
    const tree = written(
      { 'src/a.ts': 'const { a = process.env.NOTES_API_KEY, b = process.env.AUDIT_KEY_FILE } = {}' },
      folder,
    )
    return await probe(
      [],
      { NOTES_API_KEY: KEY },
      { evidence: [manifestEvidence(readManifest(file), join(tree, 'src'))], inspectOnly },
    )
  }

  it('that matches the server answers three questions', async () => {
    for (const more of [{}, { tools: undefined }]) {
      const report = await judged(more, false)
      expect(report.findings).toEqual([])
      for (const asked of [3, 4, 7])
        expect(report.verdicts.find(({ item }) => item === asked)).toMatchObject({ answer: 'pass' })
    }
  })

  for (const [code, more] of Object.entries(MANIFEST))
    it(`has the finding ${code}`, async () => {
      expect(codesOf(await judged(more))).toContain(code)
    })

  it('that is invalid is rejected with all problems', async () => {
    const folder = newFolder()
    const file = join(folder, 'preship.json')
    writeFileSync(file, '{"concern":"notes","credentials":[{"name":"K"}],"surplus":1}')
    for (const text of ['{"concern": "x', '\u0000'])
      expect(() => {
        writeFileSync(join(folder, 'broken.json'), text)
        readManifest(join(folder, 'broken.json'))
      }).toThrow(/broken\.json is not JSON$/)
    expect(() => readManifest(folder)).toThrow(/^cannot read .*: EISDIR$/)
    expect(() => readManifest(file)).toThrow(/credentials\.0\.scopes.*surplus/s)
  })

  it('has a test for each code', () => {
    expect(Object.keys(MANIFEST).sort()).toEqual(Object.keys(MANIFEST_KINDS).sort())
  })
})
