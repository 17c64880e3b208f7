import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { AbsolutePath, ApiUrl, HostList, LogLevel, milliseconds, OriginList, PublicUrl, SafeUrl } from './forms.ts'

/** Other machines, although some of their names look like this one’s. */
const ELSEWHERE = ['backend.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]']

const URLS = [
  'https://backend.example',
  'https://backend.example:8443/a/b/',
  'http://localhost:3000',
  'http://127.0.0.1',
  'http://127.9.8.7:1/x',
  'http://[::1]:80/',
  'HTTPS://BACKEND.EXAMPLE',
]

const NO_URLS: readonly [url: string, problem: string][] = [
  ['backend.example', 'must be a URL'],
  ['/v1', 'must be a URL'],
  ['ftp://backend.example', 'must be an http or https URL'],
  ['file:///etc/passwd', 'must be an http or https URL'],
  ['https://user:secret@backend.example', 'must not hold a credential'],
  ['https://user@backend.example', 'must not hold a credential'],
  ['https://:secret@backend.example', 'must not hold a credential'],
  ['http://:secret@127.0.0.1', 'must not hold a credential'],
  ['https://backend.example?key=secret', 'must not have a query or a fragment'],
  ['https://backend.example/#x', 'must not have a query or a fragment'],
  ...ELSEWHERE.map((host): [string, string] => [
    `http://${host}`,
    'must be https: over http the credential could be read on the way',
  ]),
  ['http://127.0.0.1@backend.example', 'must not hold a credential'],
]

/** What is wrong with a text. Each message completes the sentence “NAME …”. */
function problemsOf(form: z.ZodType, text: string): string[] {
  return form.safeParse(text).error?.issues.map(({ message }) => message) ?? []
}

describe('a URL', () => {
  it.each(URLS)('can be %s', url => {
    for (const form of [SafeUrl, ApiUrl]) expect(problemsOf(form, url)).toEqual([])
  })

  it.each(NO_URLS)(`${verifies('P5')} cannot be %s, which is not repeated`, (url, problem) => {
    for (const form of [SafeUrl, ApiUrl]) expect(problemsOf(form, url)).toEqual([problem])
    expect(problemsOf(PublicUrl, url)).toContain(problem)
    expect(problemsOf(PublicUrl, url).join()).not.toContain('secret')
  })

  it('is parsed if it is an API’s, and kept as it is spelled if it is an issuer’s', () => {
    expect(ApiUrl.parse('https://backend.example/v1/')).toEqual(new URL('https://backend.example/v1/'))
    expect(SafeUrl.parse('https://idp.example')).toBe('https://idp.example')
  })
})

describe('the public URL of a server', () => {
  it.each([
    'https://mcp.example',
    'https://mcp.example/',
    'https://mcp.example:8443/a/mcp',
    'http://127.0.0.1:8080/mcp',
  ])('can be %s', url => {
    expect(PublicUrl.parse(url)).toBe(url)
  })

  it.each([
    'https://MCP.example/mcp',
    'https://mcp.example:443/mcp',
    'https://mcp.example/a/../mcp',
    'https://mcp.example/m cp',
    'https://mcp.example/é',
    'https:/mcp.example/mcp',
    ' https://mcp.example/mcp',
  ])(`${verifies('P15')} has the one spelling that clients give it, not %j`, url => {
    expect(problemsOf(PublicUrl, url)).toEqual([expect.stringContaining('must be spelled as clients will')])
  })
})

describe('a path', () => {
  it('is absolute', () => {
    expect(AbsolutePath.parse('/a b/c')).toBe('/a b/c')
    for (const path of ['audit.jsonl', './audit.jsonl', '~/audit.jsonl', '../a'])
      expect(problemsOf(AbsolutePath, path)).toEqual(['must be an absolute path'])
  })
})

describe('a number of milliseconds', () => {
  const form = milliseconds(100, 600_000)

  it('is given as text', () => {
    for (const [text, value] of [
      ['100', 100],
      ['600000', 600_000],
      ['2500', 2500],
    ] as const)
      expect(form.parse(text)).toBe(value)
  })

  it.each(['99', '600001', '-1', '0', '10s', 'NaN', '1e400', 'Infinity'])(`${verifies('P16')} is not %s`, text => {
    expect(problemsOf(form, text)).toHaveLength(1)
  })

  it('is a whole one', () => {
    expect(problemsOf(form, '100.5')).toEqual(['must be a whole number'])
    expect(problemsOf(form, '10s')).toEqual(['must be a number'])
  })
})

describe('a list of hosts', () => {
  it('is separated by commas, in lower case', () => {
    expect(HostList.parse('mcp.example, B.example:8443 ,[2001:DB8::1]:80,[::1],127.0.0.1')).toEqual([
      'mcp.example',
      'b.example:8443',
      '[2001:db8::1]:80',
      '[::1]',
      '127.0.0.1',
    ])
  })

  it.each(['https://a', 'a b', 'a/b', 'a,,b', 'a,', '*', 'a:b', 'a:', 'a:123456', 'user@a', '::1', '[::1', 'a\nb'])(
    `${verifies('P15')} does not hold %j`,
    list => {
      expect(problemsOf(HostList, list)).toEqual(['must be a list of the form host,host:port'])
    },
  )
})

describe('a list of origins', () => {
  it('is separated by commas, in lower case', () => {
    expect(
      OriginList.parse('https://App.example, http://localhost:3000,chrome-extension://abc,https://[::1]:1'),
    ).toEqual(['https://app.example', 'http://localhost:3000', 'chrome-extension://abc', 'https://[::1]:1'])
  })

  it.each([
    'app.example',
    'null',
    '*',
    'https://app.example/',
    'https://*.example',
    'https://',
    'https://user@app.example',
    'https://app.example?x',
    'https://a,,https://b',
    '://app.example',
  ])(`${verifies('P15')} does not hold %j`, list => {
    expect(problemsOf(OriginList, list)).toEqual(['must be a list of the form https://host,https://host:port'])
  })
})

describe('the level of the log', () => {
  it('is one of pino’s', () => {
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      expect(LogLevel.parse(level)).toBe(level)
    for (const level of ['loud', 'INFO', ' info']) expect(problemsOf(LogLevel, level)).toHaveLength(1)
  })
})
