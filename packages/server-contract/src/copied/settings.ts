import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Copy {
  /** What the names of this server's variables begin with. */
  readonly prefix: string
  readonly server: string
  /** Every problem that the copy finds where these variables are set besides what it requires. */
  readonly problemsOf: (change: NodeJS.ProcessEnv) => string[]
  readonly stateFolder: (environment: NodeJS.ProcessEnv) => string
}

/** Other machines, though some look like this one. */
const ELSEWHERE = ['backend.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]']

/**
 * Gives every problem that a copy finds in its settings, a line each.
 *
 * @param read reads what the copy requires, changed by what it is given
 */
export function problemsWith(
  read: (change: NodeJS.ProcessEnv) => unknown,
  ConfigError: new (message: string) => Error,
): Copy['problemsOf'] {
  return change => {
    try {
      read(change)
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      return (error as Error).message.split('\n')
    }
    return []
  }
}

/** What every server's `config.ts` has to prove of the settings that all servers have. */
export function describeSettings({ prefix, server, problemsOf, stateFolder }: Copy): void {
  const apiUrl = `${prefix}_API_URL`
  const timeout = `${prefix}_API_TIMEOUT_MS`

  describe(apiUrl, () => {
    it.each([
      'https://backend.example',
      'https://backend.example:8443/a/b/',
      'http://localhost:3000',
      'http://127.0.0.1',
      'http://127.9.8.7:1/x',
      'http://[::1]:80/',
      'HTTPS://BACKEND.EXAMPLE',
    ])('can be %s', url => {
      expect(problemsOf({ [apiUrl]: url })).toEqual([])
    })

    it.each([
      ['backend.example', 'must be a URL'],
      ['/v1', 'must be a URL'],
      ['ftp://backend.example', 'must be an http or https URL'],
      ['file:///etc/passwd', 'must be an http or https URL'],
      ['https://user:secret@backend.example', 'must not hold a credential'],
      ['https://user@backend.example', 'must not hold a credential'],
      ['https://backend.example?key=secret', 'must not have a query or a fragment'],
      ['https://backend.example/#x', 'must not have a query or a fragment'],
      ...ELSEWHERE.map(host => [`http://${host}`, 'must be https: over http the credential could be read on the way']),
    ])(`${verifies('P5')} cannot be %s, and is not repeated`, (url, problem) => {
      const problems = problemsOf({ [apiUrl]: url })
      expect(problems).toEqual([`${apiUrl} ${problem}`])
      expect(problems.join()).not.toContain('secret')
    })
  })

  describe('a number of milliseconds', () => {
    it.each([
      [timeout, '99', 'must be at least 100'],
      [timeout, '600001', 'must be at most 600000'],
      [timeout, '-1', 'must be at least 100'],
      [timeout, '10s', 'must be a number'],
      [timeout, 'NaN', 'must be a number'],
    ])(`${verifies('P16')} has bounds: %s is not %s`, (name, value, problem) => {
      expect(problemsOf({ [name]: value })).toEqual([`${name} ${problem}`])
    })

    it.each(['1e400', '100.5', 'Infinity'])('is a whole one, not %s', value => {
      expect(problemsOf({ [timeout]: value })).toHaveLength(1)
    })
  })

  describe('the audit files', () => {
    it('have absolute paths, and are two', () => {
      expect(problemsOf({ AUDIT_FILE: 'audit.jsonl', AUDIT_HEAD_FILE: 'head' })).toEqual([
        'AUDIT_FILE must be an absolute path',
        'AUDIT_HEAD_FILE must be an absolute path',
      ])
      expect(problemsOf({ AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/b' })).toEqual([])
      expect(problemsOf({ AUDIT_FILE: '/a', AUDIT_HEAD_FILE: '/a' })).toHaveLength(1)
    })

    it('are kept in a folder of this server’s own unless told otherwise', () => {
      expect(stateFolder({ XDG_STATE_HOME: '/state' })).toBe(`/state/narrow-deputies/${server}`)
      if (process.platform !== 'win32')
        expect(stateFolder({})).toBe(join(homedir(), '.local/state/narrow-deputies', server))
    })
  })
}
