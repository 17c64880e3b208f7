import { describe, expect, it } from 'vitest'
import { DEFAULT_ADDRESS, parseCommand, UsageError } from './command-line.ts'

describe('the command line', () => {
  it.each([
    [[], { does: 'stdio' }],
    [['check'], { does: 'check' }],
    [['--help'], { does: 'help' }],
    [['-h'], { does: 'help' }],
    [['--version'], { does: 'version' }],
    [['-v'], { does: 'version' }],
    [['http'], { does: 'http', host: '127.0.0.1', port: 8080 }],
    [['http', '--port', '0'], { does: 'http', host: '127.0.0.1', port: 0 }],
    [['http', '--port=65535'], { does: 'http', host: '127.0.0.1', port: 65_535 }],
    [['http', '--host', '::1', '--port', '00080'], { does: 'http', host: '::1', port: 80 }],
    [['http', '--host=mcp-1.example'], { does: 'http', host: 'mcp-1.example', port: 8080 }],
    [['http', '--host', '0.0.0.0'], { does: 'http', host: '0.0.0.0', port: 8080 }],
  ])('%j is understood', (args, command) => {
    expect(parseCommand(args)).toEqual(command)
  })

  it(`${verifies('P15')} listens on loopback unless it is told otherwise`, () => {
    expect(DEFAULT_ADDRESS).toEqual({ host: '127.0.0.1', port: 8080 })
  })

  it.each([[['serve']], [['chekc']], [['check', 'more']], [['--verbose']], [['']], [['Check']], [['', 'http']]])(
    '%j is not a command',
    args => {
      expect(() => parseCommand(args)).toThrow(new UsageError(`unknown command: ${args.join(' ')}`))
    },
  )

  it.each([
    [['--port', '-1']],
    [['--port=-1']],
    [['--port=65536']],
    [['--port', '99999']],
    [['--port', '000080']],
    [['--port', '0x50']],
    [['--port', '80.5']],
    [['--port', '8080 ']],
    [['--port=']],
    [['--port']],
    [['--host=']],
    [['--host', '/tmp/socket']],
    [['--host', 'a b']],
    [['--host', '[::1]']],
    [['--host', 'a\n']],
    [['--host']],
    [['--tls']],
    [['8080']],
    [['--help']],
  ])(`${verifies('P15')} is not an address to listen at: %j`, args => {
    expect(() => parseCommand(['http', ...args])).toThrow(UsageError)
  })
})
