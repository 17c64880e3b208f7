import { codeOf } from '../source-text.ts'
import { placeOf, ships } from './parts.ts'
import { manifestsOf, type Rule } from './rule.ts'

const MAX_LINES = 250

/** Each room, and each room inside a room, has a door: `index.ts`. */
export const roomsHaveDoors: Rule = sources => {
  const paths = new Set(sources.map(({ path }) => path))
  const folders = sources
    .filter(({ path }) => (placeOf(path)?.room ?? 'build') !== 'build')
    .map(({ path }) => path.slice(0, path.lastIndexOf('/')))
  return [...new Set(folders)]
    .filter(folder => !paths.has(`${folder}/index.ts`))
    .map(folder => `${folder}: has no door`)
}

/** A file that ships can be read in one go. */
export const filesAreShort: Rule = sources =>
  sources
    .filter(({ path }) => ships(path))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path}: has ${lines} lines, more than ${MAX_LINES}`)

/** A tool is defined by the kit's functions, in the file of its name, and is in the list of tools. */
export const toolsAreListed: Rule = sources =>
  sources.flatMap(({ path, text }) => {
    if (placeOf(path)?.part !== 'tools') return []
    const code = codeOf(text, { strings: 'kept' })
    const tools = [...code.matchAll(/^\s*name: '(\w+)',$/gm)].map(([, tool = '']) => tool)
    const [tool] = tools
    if (tool === undefined || tools.length > 1) return [`${path}: defines ${tools.length} tools`]
    const index = sources.find(other => other.path === path.replace(/[^/]+$/, 'index.ts'))
    const list = /\btools\b[^=]*=\s*\[([^\]]*)\]/.exec(codeOf(index?.text ?? '', { strings: 'kept' }))?.[1] ?? ''
    const isDefined = new RegExp(`^export const ${tool} = define(?:Write)?Tool<`, 'm').test(code)
    return [
      ...(isDefined ? [] : [`${path}: does not export ${tool} as defineTool or defineWriteTool made it`]),
      ...(path.endsWith(`/${kebab(tool)}.ts`) ? [] : [`${path}: its tool is ${tool}`]),
      ...(list.split(/[\s,]+/).includes(tool) ? [] : [`${path}: ${tool} is not in tools/index.ts`]),
    ]
  })

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

/** The servers that only read. */
export const READERS: readonly string[] = ['crm-reader']

/** A server that only reads has none of the folders that write, nor the package that only they use. */
export const readersHoldNoWrites: Rule = sources => {
  const isReaders = (path: string): boolean => READERS.some(reader => path.startsWith(`servers/${reader}/`))
  return [
    ...sources
      .filter(({ path }) => isReaders(path) && path.includes('/writes/'))
      .map(({ path }) => `${path}: is in a folder that writes`),
    ...manifestsOf(sources)
      .filter(({ path, packages }) => isReaders(path) && packages.includes('ioredis'))
      .map(({ path }) => `${path}: depends on ioredis`),
  ]
}
