import { AuditTrail } from '../src/audit-trail.ts'
import { RemoteServer } from '../src/remote/remote-server.ts'
import { entryPoint } from '../src/repository.ts'

/** A replica of a server. It keeps its port and its audit file when it is restarted. */
export class Replica {
  readonly name: string
  readonly port: number
  readonly trail: AuditTrail
  readonly #server: string
  readonly #env: Record<string, string>
  #process: RemoteServer | undefined
  /** The stderr of all its processes. */
  stderr = ''

  constructor(server: string, letter: string, port: number, env: Record<string, string>) {
    this.name = `${server} ${letter}`
    this.port = port
    this.#server = server
    this.#env = env
    this.trail = new AuditTrail(env.AUDIT_FILE ?? '', env.AUDIT_KEY ?? '')
  }

  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--host', '127.0.0.1']
    this.#process = new RemoteServer(entryPoint(this.#server), this.#env, args)
    await this.#process.listening()
  }

  /** Resolves to the exit code. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const code = (await this.#process?.kill(signal)) ?? null
    this.stderr += this.#process?.stderr ?? ''
    return code
  }
}
