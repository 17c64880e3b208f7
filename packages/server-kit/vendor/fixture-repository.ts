import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { listFolder } from './folder-listing.ts'
import { updateServers } from './update.ts'

/** The kit of a fixture: path in the repository → text. */
const KIT = {
  'tsup.base.ts': 'tsup\n',
  'tsconfig.base.json': '{}\n',
  'packages/guardrails/src/audit/index.ts': 'audit\n',
  'packages/guardrails/src/audit/index.test.ts': 'a test\n',
  'packages/server-kit/package.json': '{ "version": "0.1.0", "type": "module" }\n',
  'packages/server-kit/src/call/index.ts': 'call\n',
  'packages/server-kit/src/call/input.ts': 'first\r\nsecond\n',
  'packages/server-kit/src/call/input.test.ts': 'a test\n',
  'packages/server-kit/src/call/writes/confirmation.ts': 'confirmation\n',
  'packages/server-kit/src/backend/exchange.ts': 'exchange\n',
  'packages/server-kit/src/backend/writes/idempotency.ts': 'idempotency\n',
  'packages/server-kit/src/stdio/transport.ts': 'transport\n',
  'packages/server-kit/src/remote/routes.ts': 'routes\n',
  'packages/server-kit/src/setup/check.ts': 'check\n',
  'packages/server-kit/src/setup/writes/.DS_Store': 'hidden\n',
  'packages/server-kit/src/setup/writes/key.ts': 'key\n',
}

/** The places of the fixture's kit that the variant `reader` takes, sorted. */
export const READER_PLACES = [
  'backend/exchange.ts',
  'build/tsconfig.base.json',
  'build/tsup.base.ts',
  'call/index.ts',
  'call/input.ts',
  'guardrails/audit/index.ts',
  'remote/routes.ts',
  'setup/check.ts',
  'stdio/transport.ts',
]

/** The places of the fixture's kit, sorted. */
export const ALL_PLACES = [
  ...READER_PLACES,
  'backend/writes/idempotency.ts',
  'call/writes/confirmation.ts',
  'setup/writes/key.ts',
].sort()

export interface FixtureRepository {
  readonly root: string
  /** All paths are relative to the repository. */
  at(path: string): string
  write(path: string, content: string | Buffer): void
  read(path: string): string
  remove(path: string): void
  /** The files of a server's `src/vendored/`, sorted, without `vendored.json`. */
  places(server: string): string[]
  /** Every file of a server with its text. */
  snapshot(server: string): Record<string, string>
  /** Changes keys of a server's `vendored.json` as a person would. */
  editManifest(server: string, keys: Record<string, unknown>): void
}

/** A repository with a small kit and two servers that copied nothing yet: `alpha` is full, `beta` a reader. */
export function fixtureRepository(): FixtureRepository {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'vendor-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const at = (path: string): string => join(root, path)
  const read = (path: string): string => readFileSync(at(path), 'utf8')
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), content)
  }
  for (const [path, text] of Object.entries(KIT)) write(path, text)
  for (const server of ['alpha', 'beta']) write(`servers/${server}/package.json`, '{}\n')
  write('servers/beta/src/vendored/vendored.json', '{ "variant": "reader" }')
  write('servers/notes/readme.md', 'not a server\n')
  const filesOf = (folder: string): string[] => [...listFolder(at(folder)).files]
  return {
    root,
    at,
    read,
    write,
    remove: path => rmSync(at(path), { recursive: true }),
    places: server => filesOf(`servers/${server}/src/vendored`).filter(place => place !== 'vendored.json'),
    snapshot: server => {
      const paths = filesOf(`servers/${server}`)
      return Object.fromEntries(paths.map(path => [path, read(`servers/${server}/${path}`)]))
    },
    editManifest: (server, keys) => {
      const path = `servers/${server}/src/vendored/vendored.json`
      write(path, JSON.stringify({ ...JSON.parse(read(path)), ...keys }))
    },
  }
}

/** The same repository once both servers are up to date. */
export function vendoredRepository(): FixtureRepository {
  const repository = fixtureRepository()
  const { stopped } = updateServers(repository.root)
  if (stopped.length > 0) throw new Error(stopped.join('\n'))
  return repository
}
