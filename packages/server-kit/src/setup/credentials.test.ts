import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { authoriseReads } from '#backend'
import { authoriseWrites } from '#backend/writes'
import { fileWith, tempFolder } from '../../test/setup/temp-folder.ts'
import { connector } from '../backend/connector.ts'
import { readAuditKey, readCredential, readSecret } from './credentials.ts'
import { PLACEHOLDER_PROBLEM } from './placeholder.ts'
import { ConfigError, type Given } from './settings.ts'
import { secret } from './variable.ts'

const SECRET = 'nd_s3cret-Value_123'
const API_KEY = secret('API_KEY', 'the API key')

/** The message that a call throws. It is for the operator, and never holds the secret. */
function thrownBy(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(inspect(error, { depth: null })).not.toContain(SECRET)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

/** The credential that is read: what the function that authorises requests is given. */
function tokenOf(given: Given): string {
  const base = new URL('https://backend.example')
  return readCredential(API_KEY, given).connect(
    connector((token: string) => token),
    base,
    [],
  )
}

describe('a secret', () => {
  it(`${verifies('P5')} is read from its variable or from the one file that is named`, () => {
    for (const read of [tokenOf, (given: Given) => readSecret(API_KEY, given)]) {
      expect(read({ API_KEY: SECRET })).toBe(SECRET)
      expect(read({ API_KEY_FILE: fileWith(SECRET) })).toBe(SECRET)
      expect(read({ API_KEY_FILE: fileWith(`\ufeff ${SECRET}\r\n`) })).toBe(SECRET)
    }
  })

  it('is undefined if it is not given, or its file is empty', () => {
    expect(readSecret(API_KEY, { OTHER_KEY: SECRET, API_KEYS: SECRET })).toBeUndefined()
    expect(readSecret(API_KEY, { API_KEY_FILE: fileWith(' \n') })).toBeUndefined()
  })

  it(`${verifies('P5')} is refused if variable and file are both given, even if they agree`, () => {
    const given = { API_KEY: SECRET, API_KEY_FILE: fileWith(SECRET) }
    const message = 'API_KEY and API_KEY_FILE are both set: choose one'
    expect(thrownBy(() => readSecret(API_KEY, given))).toBe(message)
    expect(thrownBy(() => readCredential(API_KEY, given))).toBe(message)
  })

  it.each(['${user_config.x}', '${VAR}', '$VAR', '%VAR%', '{env:X}', 'a-${VAR}-b', `${SECRET}-\${VAR}`])(
    `${verifies('P5')} that holds a placeholder is refused, and not repeated: %s`,
    value => {
      const problems = [
        [thrownBy(() => readSecret(API_KEY, { API_KEY: value })), 'API_KEY'],
        [thrownBy(() => readSecret(API_KEY, { API_KEY_FILE: value })), 'API_KEY_FILE'],
        [thrownBy(() => readSecret(API_KEY, { API_KEY_FILE: fileWith(`${value}\n`) })), 'API_KEY_FILE'],
      ] as const
      for (const [message, name] of problems) expect(message).toBe(`${name} ${PLACEHOLDER_PROBLEM}`)
    },
  )

  it.each(['pa$$word', '50%', '%20a%20', 'a$b', 'a$B', '{a}'])(
    'may hold what only looks like a placeholder: %s',
    value => {
      expect(tokenOf({ API_KEY: value })).toBe(value)
      expect(tokenOf({ API_KEY_FILE: fileWith(value) })).toBe(value)
    },
  )
})

describe('a backend’s credential', () => {
  it.each<[string, () => Given, string]>([
    ['not given', () => ({}), 'API_KEY is required (or API_KEY_FILE)'],
    ['in an empty file', () => ({ API_KEY_FILE: fileWith(' \n') }), 'API_KEY is required (or API_KEY_FILE)'],
    ['in a missing file', () => ({ API_KEY_FILE: '/missing/secret' }), 'API_KEY_FILE cannot be read (ENOENT)'],
    ['in a folder', () => ({ API_KEY_FILE: tempFolder() }), 'API_KEY_FILE cannot be read (EISDIR)'],
    ['empty', () => ({ API_KEY: '' }), 'API_KEY must be one word of printable ASCII'],
    ['two words', () => ({ API_KEY: `${SECRET} ${SECRET}` }), 'API_KEY must be one word of printable ASCII'],
    [
      'two lines',
      () => ({ API_KEY_FILE: fileWith(`${SECRET}\n${SECRET}\n`) }),
      'API_KEY must be one word of printable ASCII',
    ],
    ['a header line', () => ({ API_KEY: `${SECRET}\r\nX-Evil: 1` }), 'API_KEY must be one word of printable ASCII'],
    ['ended by a newline', () => ({ API_KEY: `${SECRET}\n` }), 'API_KEY must be one word of printable ASCII'],
    ['not in ASCII', () => ({ API_KEY: `${SECRET}é` }), 'API_KEY must be one word of printable ASCII'],
    ['with DEL in it', () => ({ API_KEY: `${SECRET}\u007f` }), 'API_KEY must be one word of printable ASCII'],
    [
      'in a file of bytes',
      () => ({ API_KEY_FILE: fileWith(new Uint8Array([0, 255, 254])) }),
      'API_KEY must be one word of printable ASCII',
    ],
  ])(`${verifies('P5')} that is %s is refused in a message that does not repeat it`, (_, given, message) => {
    expect(thrownBy(() => readCredential(API_KEY, given()))).toBe(message)
  })

  it('is connected to one backend, by the function that is given', () => {
    const base = new URL('https://backend.example')
    const endpoints = ['GET /things'] as const
    const made = { send: () => {} }
    const calls: unknown[] = []
    const connected = readCredential(API_KEY, { API_KEY: SECRET }).connect(
      connector((...args: unknown[]) => {
        calls.push(args)
        return made
      }),
      base,
      endpoints,
    )
    expect(connected).toBe(made)
    expect(calls).toEqual([[SECRET, base, endpoints]])
  })

  it(`${verifies('P5')} is given to no function but a connector of the backend room`, () => {
    const credential = readCredential(API_KEY, { API_KEY: SECRET })
    // @ts-expect-error Any other function could pass it on.
    credential.connect((token: string) => token, new URL('https://backend.example'), [])
  })

  it(`${verifies('P5')} is never shown`, () => {
    const credential = readCredential(API_KEY, { API_KEY: SECRET })
    const base = new URL('https://backend.example')
    for (const send of [
      credential.connect(authoriseReads, base, ['GET /things']),
      credential.connect(authoriseWrites, base, ['POST /things']),
    ]) {
      const looks = inspect([credential, send], { depth: null, showHidden: true, getters: true })
      expect(looks).not.toContain(SECRET)
      expect(JSON.stringify([credential, send])).not.toContain(SECRET)
      expect(`${credential.connect} ${send}`).not.toContain(SECRET)
    }
  })
})

describe('the audit key', () => {
  const HEX = 'ab'.repeat(32)
  const never = (): string => {
    throw new Error('the default file must not be asked for')
  }

  it('is the one that is given, in hex or base64, in a variable or a file', () => {
    const { kid } = readAuditKey(never, { AUDIT_KEY: HEX }).key
    const base64 = Buffer.from(HEX, 'hex').toString('base64')
    for (const given of [{ AUDIT_KEY: base64 }, { AUDIT_KEY_FILE: fileWith(`${HEX}\n`) }]) {
      const { key, keptIn } = readAuditKey(never, given)
      expect(key.kid).toBe(kid)
      expect(keptIn).toBeUndefined()
    }
  })

  it.each([
    ['too short', { AUDIT_KEY: 'ab'.repeat(31) }],
    ['not a key', { AUDIT_KEY: `${SECRET} and more` }],
  ])(`${verifies('P5')} that is %s is refused in a message that does not repeat it`, (_, given) => {
    const file = join(tempFolder(), 'audit.key')
    const message = thrownBy(() => readAuditKey(() => file, given))
    expect(message).toMatch(/^AUDIT_KEY: /)
    expect(message).not.toContain('abab')
    // No other key takes its place.
    expect(existsSync(file)).toBe(false)
  })

  it(`${verifies('P5')} that is a placeholder is refused, and no other key takes its place`, () => {
    const file = join(tempFolder(), 'audit.key')
    expect(thrownBy(() => readAuditKey(() => file, { AUDIT_KEY: '${AUDIT_KEY}' }))).toBe(
      `AUDIT_KEY ${PLACEHOLDER_PROBLEM}`,
    )
    expect(existsSync(file)).toBe(false)
  })

  it('is required where none can be generated', () => {
    expect(thrownBy(() => readAuditKey(undefined, {}))).toBe('AUDIT_KEY is required (or AUDIT_KEY_FILE)')
    expect(readAuditKey(undefined, { AUDIT_KEY: HEX }).keptIn).toBeUndefined()
  })

  it('is generated in the default file on the first start, and found there on the next', () => {
    const file = join(tempFolder(), 'state', 'deep', 'audit.key')
    const first = readAuditKey(() => file, {})
    expect(first.keptIn).toBe(file)
    expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    const second = readAuditKey(() => file, {})
    expect(second).toMatchObject({ keptIn: file, key: { kid: first.key.kid } })
    expect(readAuditKey(never, { AUDIT_KEY_FILE: file }).key.kid).toBe(first.key.kid)
    const other = join(tempFolder(), 'audit.key')
    expect(readAuditKey(() => other, {}).key.kid).not.toBe(first.key.kid)
  })

  it('that is kept is never replaced, even if it is not a key', () => {
    for (const content of ['', 'short\n', 'not a key at all\n']) {
      const file = fileWith(content)
      expect(thrownBy(() => readAuditKey(() => file, {}))).toContain(`none can be kept in ${file}: `)
      expect(readFileSync(file, 'utf8')).toBe(content)
    }
  })

  it('is missing where none can be kept', () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'audit.key'))
    for (const file of [join(folder, 'file', 'audit.key'), join(folder, 'audit.key')])
      expect(thrownBy(() => readAuditKey(() => file, {}))).toContain('AUDIT_KEY is not set')
  })
})
