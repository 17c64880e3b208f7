import { describe, expect, it } from 'vitest'
import { parseCommand } from './command-line.ts'

const COMMAND = ['--', 'node', 'server.js', '--verbose']

describe('the command line', () => {
  it('accepts a command after --, with its own options', () => {
    expect(parseCommand(['--strict', ...COMMAND])).toMatchObject({
      does: 'examine',
      server: ['node', 'server.js', '--verbose'],
      strict: true,
      format: 'terminal',
      failOn: 'error',
      timeoutSeconds: 120,
    })
    expect(parseCommand(['--', 'node', '--', '--help'])).toMatchObject({ server: ['node', '--', '--help'] })
  })

  it('accepts a URL', () => {
    expect(parseCommand(['https://mcp.example.com/mcp', '--format', 'sarif'])).toMatchObject({
      server: new URL('https://mcp.example.com/mcp'),
      format: 'sarif',
    })
  })

  it('accepts --env and --beside more than once', () => {
    expect(parseCommand(['--env', 'A=1', '--env', 'B', '--beside', 'x', '--beside=y', ...COMMAND])).toMatchObject({
      env: ['A=1', 'B'],
      beside: ['x', 'y'],
    })
  })

  it('accepts the other commands', () => {
    expect(parseCommand(['lock', '--accept-by', 'ann', '--worst-case', 'a=b', ...COMMAND])).toMatchObject({
      does: 'lock',
      acceptBy: 'ann',
      worstCases: ['a=b'],
    })
    expect(parseCommand(['verify', ...COMMAND])).toMatchObject({ does: 'verify' })
    expect(parseCommand(['explain', 'X'])).toEqual({ does: 'explain', code: 'X' })
    expect(parseCommand(['explain'])).toEqual({ does: 'explain', code: undefined })
    expect(parseCommand(['--version'])).toEqual({ does: 'version' })
    for (const words of [[], ['-h'], ['lock', '--help']]) expect(parseCommand(words)).toEqual({ does: 'help' })
    expect(parseCommand(['--', 'lock'])).toMatchObject({ does: 'examine', server: ['lock'] })
  })

  it.each([
    ['a missing server', ['--strict'], /no server given/],
    ['an empty command', ['--'], /no server given/],
    ['a command without --', ['node', 'server.js'], /after --/],
    ['a URL and a command', ['https://a.example/mcp', ...COMMAND], /not both/],
    ['two URLs', ['https://a.example/mcp', 'https://b.example/mcp'], /neither/],
    ['a URL with a password', ['https://a:b@a.example/mcp'], /password/],
    ['an incomplete URL', ['https://'], /not a URL/],
    ['an unknown option', ['--fix', ...COMMAND], /--fix/],
    ['an option without its value', ['--format'], /--format/],
    ['an unknown format', ['--format', 'xml', ...COMMAND], /--format must be one of/],
    ['an unknown severity', ['--fail-on', 'note', ...COMMAND], /--fail-on/],
    ['a timeout that is not a number', ['--timeout', 'soon', ...COMMAND], /--timeout/],
    ['a timeout of zero', ['--timeout', '0', ...COMMAND], /--timeout/],
    ['an option of another command', ['verify', '--write-probes', ...COMMAND], /verify does not accept --write-probes/],
    [
      'an option of lock while examining',
      ['--accept-by', 'ann', ...COMMAND],
      /the examination does not accept --accept-by/,
    ],
    ['two codes to explain', ['explain', 'A', 'B'], /one code/],
  ])('rejects %s with a message of one line', (_, words, message) => {
    expect(() => parseCommand(words)).toThrow(message)
    try {
      parseCommand(words)
    } catch (error) {
      expect((error as Error).message).not.toContain('\n')
    }
  })
})
