import { parseArgs } from 'node:util'

/** What the program is asked to do. */
export type Command = { does: 'help' | 'version' | 'stdio' | 'check' } | ({ does: 'http' } & Address)

export interface Address {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

/** The command line makes no sense. The message says why. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export const DEFAULT_ADDRESS = { host: '127.0.0.1', port: 8080 } as const

const ADDRESS = {
  host: { type: 'string', default: DEFAULT_ADDRESS.host },
  port: { type: 'string', default: String(DEFAULT_ADDRESS.port) },
} as const

/** Reads the arguments after the program's name. @throws {UsageError} */
export function parseCommand([command, ...args]: readonly string[]): Command {
  if (command === 'http') return { does: 'http', ...parseAddress(args) }
  if (command === '--help' || command === '-h') return { does: 'help' }
  if (command === '--version' || command === '-v') return { does: 'version' }
  if (args.length === 0 && command === undefined) return { does: 'stdio' }
  if (args.length === 0 && command === 'check') return { does: 'check' }
  throw new UsageError(`unknown command: ${[command, ...args].join(' ')}`)
}

function parseAddress(args: string[]): Address {
  let values: { host: string; port: string }
  try {
    values = parseArgs({ args, options: ADDRESS }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  const { host } = values
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN
  if (!(port <= 65_535)) throw new UsageError('--port takes a number from 0 to 65535')
  if (!/^[A-Za-z0-9.:-]+$/.test(host)) throw new UsageError('--host takes a name or an address')
  return { host, port }
}
