import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tools as blogTools } from '../servers/blog-publisher/src/tools/index.ts'
import { tools as crmTools } from '../servers/crm-reader/src/tools/index.ts'
import { tools as ticketTools } from '../servers/ticket-handler/src/tools/index.ts'
import { PROMISED } from './promises.ts'
import { settingsOverview, settingsTables } from './settings-tables.ts'

/** The generated parts of documents, between comments with their names. */
const PARTS: Record<string, Record<string, () => string>> = {
  'README.md': { settings: settingsOverview, tools: toolTable },
  'SECURITY.md': { promises: promiseTable },
  'docs/configuration.md': { settings: settingsTables },
  'docs/promises.md': { tests: testList },
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The documents whose generated parts are out of date. */
export function staleDocuments(): string[] {
  return Object.keys(PARTS).filter(document => updated(document) !== readFileSync(ROOT + document, 'utf8'))
}

function updated(document: string): string {
  let text = readFileSync(ROOT + document, 'utf8')
  for (const [name, generate] of Object.entries(PARTS[document] ?? {})) {
    const part = new RegExp(`(<!-- ${name}: made by pnpm docs -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
    if (!part.test(text)) throw new Error(`${document} has no part named ${name}`)
    text = text.replace(part, (_, begin: string, end: string) => `${begin}\n${generate()}\n${end}`)
  }
  return text
}

function toolTable(): string {
  const servers = { 'blog-publisher': blogTools, 'crm-reader': crmTools, 'ticket-handler': ticketTools }
  const rows = Object.entries(servers).flatMap(([server, tools]) =>
    tools.map(({ name, inputSchema, effect, scope, worstCase }) => {
      const required = inputSchema.required as readonly string[] | undefined
      const inputs = Object.keys(inputSchema.properties ?? {}).map(
        input => `\`${input}${required?.includes(input) ? '' : '?'}\``,
      )
      return `| ${server} | \`${name}\` | ${inputs.join(', ') || '–'} | ${effect} | \`${scope}\` | ${worstCase} |`
    }),
  )
  return ['| server | tool | input | effect | scope | worst case |', '|---|---|---|---|---|---|', ...rows, ''].join(
    '\n',
  )
}

function promiseTable(): string {
  const rows = Object.entries(PROMISED).map(
    ([id, { text, code }]) => `| ${id} | ${text} | ${code.map(path => `\`${path}\``).join('<br>')} |`,
  )
  return ['| | promise | code |', '|---|---|---|', ...rows, ''].join('\n')
}

function testList(): string {
  const citations = citationsByPromise()
  return Object.entries(PROMISED)
    .map(([id, { text }]) => {
      const tests = [...(citations.get(id) ?? [])].map(file => `- [\`${file}\`](../${file})\n`)
      return `### ${id}\n\n${text}\n\n${tests.join('')}`
    })
    .join('\n')
}

/** Maps each promise id to the files whose tests cite it. */
function citationsByPromise(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', 'packages', 'servers', 'scripts'],
    { cwd: ROOT, encoding: 'utf8' },
  )
  for (const file of listed
    .split('\n')
    // Git also lists files that are deleted but not committed.
    .filter(name => name.endsWith('.ts') && existsSync(ROOT + name))
    .sort()) {
    for (const [, ids = ''] of readFileSync(ROOT + file, 'utf8').matchAll(/\$\{verifies\(([^)]*)\)\}/g))
      for (const [, id = ''] of ids.matchAll(/'(P\d+)'/g)) found.set(id, (found.get(id) ?? new Set()).add(file))
  }
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const document of Object.keys(PARTS)) writeFileSync(ROOT + document, updated(document))
}
