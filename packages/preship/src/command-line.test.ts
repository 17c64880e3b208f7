import { describe, expect, it } from 'vitest'
import { parseCommand } from './command-line.ts'

const COMMAND = ['--', 'node', 'server.js', '--verbose']

describe('the command line', () => {
  it('takes a command behind --, with options of its own', () => {
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

  it('takes a URL', () => {
    expect(parseCommand(['https://mcp.example.com/mcp', '--format', 'sarif'])).toMatchObject({
      server: new URL('https://mcp.example.com/mcp'),
      format: 'sarif',
    })
  })

  it('takes options more than once where that makes sense', () => {
    expect(parseCommand(['--env', 'A=1', '--env', 'B', '--beside', 'x', '--beside=y', ...COMMAND])).toMatchObject({
      env: ['A=1', 'B'],
      beside: ['x', 'y'],
    })
  })

  it('knows the other commands', () => {
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
    ['no server', ['--strict'], /which server/],
    ['an empty command', ['--'], /which server/],
    ['a command without --', ['node', 'server.js'], /behind --/],
    ['a URL and a command', ['https://a.example/mcp', ...COMMAND], /not both/],
    ['two URLs', ['https://a.example/mcp', 'https://b.example/mcp'], /neither/],
    ['a URL with a password', ['https://a:b@a.example/mcp'], /password/],
    ['no URL', ['https://'], /not a URL/],
    ['an unknown option', ['--fix', ...COMMAND], /--fix/],
    ['an option without its value', ['--format'], /--format/],
    ['an unknown format', ['--format', 'xml', ...COMMAND], /--format takes one of/],
    ['an unknown severity', ['--fail-on', 'note', ...COMMAND], /--fail-on/],
    ['no number', ['--timeout', 'soon', ...COMMAND], /--timeout/],
    ['no time at all', ['--timeout', '0', ...COMMAND], /--timeout/],
    ['an option of another command', ['verify', '--write-probes', ...COMMAND], /verify takes no --write-probes/],
    ['locking while examining', ['--accept-by', 'ann', ...COMMAND], /examining takes no --accept-by/],
    ['too much to explain', ['explain', 'A', 'B'], /one code/],
  ])('refuses %s, in one line', (_, words, message) => {
    expect(() => parseCommand(words)).toThrow(message)
    try {
      parseCommand(words)
    } catch (error) {
      expect((error as Error).message).not.toContain('\n')
    }
  })
})
