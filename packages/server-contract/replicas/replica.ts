import { AuditTrail } from '../src/audit-trail.ts'
import { RemoteServer } from '../src/remote/remote-server.ts'
import { entryPoint } from '../src/repository.ts'

/** One of several processes of a server, which keeps its address and its audit file over its restarts. */
export class Replica {
  readonly name: string
  readonly port: number
  readonly trail: AuditTrail
  readonly #server: string
  readonly #env: Record<string, string>
  #process: RemoteServer | undefined
  /** Of every process that it was. */
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
