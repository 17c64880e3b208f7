import { importsOf, resolveImport, type Source } from '../source-text.ts'
import { TSUP_BASE } from './isolation.ts'
import { DOORS, PARTS, placeOf, ships } from './parts.ts'
import { eachImport, type Rule } from './rule.ts'

/** From outside, a room is imported by the name of its door; inside it, files import each other by their paths. */
export const roomsAreEnteredByTheirDoors = eachImport(
  path => ships(path) || path.startsWith('servers/'),
  (specifier, path) => {
    const room = placeOf(path)?.room
    const target = placeOf(resolveImport(path, specifier) ?? '')
    if (specifier.startsWith('#')) {
      if (!DOORS.includes(specifier)) return `imports ${specifier}, which is no door`
      return target?.room === room ? `imports ${specifier}, the door of its own room` : undefined
    }
    if (target?.room === undefined || target.room === room || specifier === TSUP_BASE) return undefined
    return `imports ${specifier}, and not by its door`
  },
)

/** Each part imports only those parts that its row of the table names. No tool imports another one. */
export const partsFollowTheArrows: Rule = sources => [
  ...sources.filter(({ path }) => ships(path) && !partOf(path)).map(({ path }) => `${path}: stands where no part is`),
  ...eachImport(ships, (specifier, path) => {
    const target = resolveImport(path, specifier)
    if (target === undefined) return undefined
    const from = placeOf(path)?.part
    const to = placeOf(target)?.part
    if (to === undefined) return `imports ${specifier}, which does not ship`
    const isAllowed = from === to ? from !== 'tools' : partOf(path)?.parts.includes(to)
    return isAllowed ? undefined : `imports ${specifier}: no arrow leads from ${from} to ${to}`
  })(sources),
]

/** Built-in modules that reach neither files nor network nor processes. */
const COMPUTATION = /^node:(?:buffer|crypto|path|url|util)$/

/** Each part imports only those packages that its row of the table names. */
export const packagesStayInTheirParts = eachImport(ships, (specifier, path) => {
  if (resolveImport(path, specifier) !== undefined) return undefined
  const isAllowed = partOf(path)?.packages.some(name => {
    if (name === 'node') return specifier.startsWith('node:')
    if (name === 'computation') return COMPUTATION.test(specifier)
    return name.endsWith('*') ? specifier.startsWith(name.slice(0, -1)) : specifier === name
  })
  return isAllowed ? undefined : `imports ${specifier}`
})

function partOf(path: string): (typeof PARTS)[string] | undefined {
  const place = placeOf(path)
  return place && PARTS[place.part]
}

/** What a local server never needs is loaded by the code that needs it: a local client waits while its server starts. */
export const remotePartsAreLoadedLate = eachImport(ships, (specifier, _, kind) =>
  kind === 'value' && /^#remote$|\/redis-nonce-store\.ts$/.test(specifier)
    ? `imports ${specifier} before it is needed`
    : undefined,
)

/** No file imports itself by way of others, types included. */
export const importsFormNoCircle: Rule = sources => {
  const shipped = new Map(sources.filter(({ path }) => ships(path)).map(source => [source.path, source]))
  const importedBy = (source: Source): Source[] =>
    importsOf(source).flatMap(({ specifier = '' }) => shipped.get(resolveImport(source.path, specifier) ?? '') ?? [])
  const done = new Set<Source>()
  const circlesFrom = (source: Source, way: readonly Source[]): string[] => {
    const start = way.indexOf(source)
    if (start >= 0) return [[...way.slice(start), source].map(({ path }) => path).join(' → ')]
    if (done.has(source)) return []
    const circles = importedBy(source).flatMap(next => circlesFrom(next, [...way, source]))
    done.add(source)
    return circles
  }
  return [...shipped.values()].flatMap(source => circlesFrom(source, []))
}
