import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { run } from '../../test/setup/run.ts'
import { fileWith, tempFolder } from '../../test/setup/temp-folder.ts'
import { tinyServer } from '../../test/setup/tiny-server.ts'

vi.mock('node:os', async importOriginal => {
  const nobody = () => {
    throw new Error('no such user')
  }
  return { ...(await importOriginal<typeof import('node:os')>()), homedir: nobody, userInfo: nobody }
})

const PROBLEM = '  - AUDIT_FILE and AUDIT_KEY are required: there is no home folder to keep them in\n'

function environmentOf(change: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { TINY_API_URL: 'http://127.0.0.1:9', TINY_API_KEY: 'key', LOG_LEVEL: 'silent', ...change }
}

describe('a user without a home folder', () => {
  it.each<[string, () => NodeJS.ProcessEnv]>([
    ['neither', () => ({})],
    ['neither, but a head file', () => ({ AUDIT_HEAD_FILE: '/head' })],
    ['a key alone', () => ({ AUDIT_KEY: 'ab'.repeat(32) })],
    ['a file alone', () => ({ AUDIT_FILE: join(tempFolder(), 'audit.jsonl') })],
  ])(`${verifies('P7')} is asked once for a file and a key of the audit log, if there is %s`, async (_, given) => {
    const { code, stderr } = await run(tinyServer, ['check'], environmentOf(given()))
    expect(code).toBe(2)
    expect(stderr).toBe(`tiny cannot start:\n${PROBLEM}`)
  })

  it.each<[string, () => NodeJS.ProcessEnv]>([
    ['both', () => ({ AUDIT_FILE: join(tempFolder(), 'audit.jsonl'), AUDIT_KEY_FILE: fileWith('ab'.repeat(32)) })],
    ['a state folder', () => ({ XDG_STATE_HOME: tempFolder() })],
  ])('is served, if there is %s', async (_, given) => {
    const { stdout } = await run(tinyServer, ['check'], environmentOf(given()))
    expect(stdout).toContain('ok      the audit log can be written')
  })
})
