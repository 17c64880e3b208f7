import { isTest } from './rule.ts'

/** What the files of one part may import, besides each other. */
interface Part {
  /** Other parts. */
  readonly parts: readonly string[]
  /** Packages. `node`: all built-in modules. `computation`: those that reach neither files nor network nor processes. */
  readonly packages: readonly string[]
}

const GUARDRAILS = ['guardrails/audit', 'guardrails/path-guard']
const SDK = '@modelcontextprotocol/*'

/** The rooms of the kit, which every server has copies of. A folder inside a room is a room of its own. */
const ROOMS: Readonly<Record<string, Part>> = {
  'guardrails/audit': { parts: [], packages: ['pino', 'node'] },
  'guardrails/path-guard': { parts: [], packages: ['node'] },
  call: { parts: GUARDRAILS, packages: ['zod', 'computation'] },
  'call/registration': { parts: ['call', ...GUARDRAILS], packages: [SDK] },
  'call/writes': {
    parts: ['call', 'call/registration', ...GUARDRAILS],
    packages: [SDK, 'zod', 'ioredis', 'computation'],
  },
  backend: { parts: ['call', ...GUARDRAILS], packages: ['zod', 'computation'] },
  'backend/writes': { parts: ['backend', 'call', ...GUARDRAILS], packages: ['zod', 'computation'] },
  stdio: { parts: ['call', 'call/registration', ...GUARDRAILS], packages: [SDK, 'pino', 'node'] },
  remote: { parts: ['call', 'call/registration', ...GUARDRAILS], packages: [SDK, 'jose', 'zod', 'pino', 'node'] },
  setup: {
    parts: ['backend', 'call', 'call/registration', 'remote', 'stdio', ...GUARDRAILS],
    packages: ['zod', 'pino', 'node'],
  },
  'setup/writes': {
    parts: ['setup', 'backend', 'call', 'call/registration', 'call/writes', 'remote', 'stdio', ...GUARDRAILS],
    packages: ['zod', 'pino', 'node'],
  },
  build: { parts: [], packages: ['tsup'] },
}

/** The parts of a server of its own: folders, and single files of `src/`. */
const OWN: Readonly<Record<string, Part>> = {
  vocabulary: { parts: ['call'], packages: ['zod', 'computation'] },
  drafts: { parts: ['vocabulary', 'call', ...GUARDRAILS], packages: ['zod', 'computation'] },
  ports: { parts: ['vocabulary', 'drafts', 'call', ...GUARDRAILS], packages: [] },
  tools: {
    parts: ['ports', 'vocabulary', 'drafts', 'call', 'call/writes', 'guardrails/path-guard'],
    packages: ['zod', 'computation'],
  },
  'tools/index': { parts: ['tools', 'ports', 'call', 'call/writes'], packages: [] },
  backends: {
    parts: ['ports', 'vocabulary', 'drafts', 'backend', 'backend/writes', 'call', ...GUARDRAILS],
    packages: ['zod', 'node'],
  },
  config: { parts: ['vocabulary', 'setup', ...GUARDRAILS], packages: ['zod'] },
  main: {
    parts: [
      ...['backends', 'config', 'drafts', 'ports', 'tools/index', 'tools', 'vocabulary', 'package.json'],
      ...Object.keys(ROOMS).filter(room => room !== 'build'),
    ],
    packages: ['node'],
  },
}

/** All arrows between the parts of what ships. */
export const PARTS: Readonly<Record<string, Part>> = { ...ROOMS, ...OWN }

/** The names by which rooms are imported from outside: each is the `index.ts` of its room. */
export const DOORS: readonly string[] = Object.keys(ROOMS)
  .filter(room => room !== 'build')
  .map(room => `#${room}`)

/** Where a file of the shipped code belongs. */
export interface Place {
  /** A key of `PARTS`, unless the file is somewhere where none belongs. */
  readonly part: string
  /** The outermost room of a copy or of the kit. Undefined for a server's own file. */
  readonly room: string | undefined
  /** The file: `rest.ts`. */
  readonly name: string
}

/** Undefined for whatever does not ship. */
export function placeOf(path: string): Place | undefined {
  if (isTest(path)) return undefined
  const [, inServer = ''] = /^servers\/[^/]+\/(src\/.+|package\.json)$/.exec(path) ?? []
  const inRoom =
    /^packages\/server-kit\/src\/(.+)$/.exec(path)?.[1] ??
    /^packages\/(guardrails)\/src(\/.+)$/.exec(path)?.slice(1).join('') ??
    /^src\/vendored\/(.+)$/.exec(inServer)?.[1]
  if (inRoom !== undefined) {
    const [part, name] = split(inRoom)
    return { part, room: part.split('/')[0], name }
  }
  // The manifest and the list of tools are parts by themselves.
  if (inServer === 'package.json' || inServer === 'src/tools/index.ts')
    return { part: inServer.replace(/^src\/|\.ts$/g, ''), room: undefined, name: inServer }
  const [, own] = /^src\/(.+)$/.exec(inServer) ?? []
  if (own === undefined) return undefined
  const [part, name] = split(own)
  return { part: part || name.replace(/\.ts$/, ''), room: undefined, name }
}

/** The folder and the file. */
function split(path: string): [folder: string, file: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)]
}

/** Whether a file is code that ships. */
export function ships(path: string): boolean {
  return placeOf(path) !== undefined && !path.endsWith('.json')
}

/** Whether a path leads to the file of that name in that part, in whichever server, copy or kit. */
export function isFile(path: string, part: string, name: string): boolean {
  const place = placeOf(path)
  return place?.part === part && place.name === name
}
