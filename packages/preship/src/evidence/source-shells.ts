import type { SourceText } from './source-text.ts'

const MODULE = /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*)['"`](?:node:)?child_process['"`]/
/** `import * as processes from`, `import processes from`, `const processes = require(`. */
const MODULE_IMPORT =
  /\bimport\s+(?:\*\s*as\s+)?(\w+)\s+from\s*['"`](?:node:)?child_process['"`]|\b(?:const|let|var)\s+(\w+)\s*=\s*(?:await\s+import|require)\s*\(\s*['"`](?:node:)?child_process['"`]/g
/** `exec as run`, `exec: run`. */
const RENAMED_EXEC = /\bexec(?:Sync)?\s*(?:\bas\b|:)\s*(\w+)/g
/** Starting a shell explicitly counts as well, whatever function starts it. */
const EXPLICIT_SHELL =
  /\b(?:spawn|execFile)(?:Sync)?\s*\(\s*['"`](?:[\w/]*\/)?(?:ba|z|da|k)?sh['"`]\s*,\s*\[\s*['"`]-\w*c\b|\b(?:spawn|execFile)(?:Sync)?\s*\(\s*['"`](?:cmd|powershell|pwsh)(?:\.exe)?['"`]|\bshell\s*:\s*['"`]/gi
const SHELL_PACKAGE = /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*)['"`](shelljs|zx)(?:\/\w+)?['"`]/g

/**
 * Finds the places where JavaScript runs a command through a shell. The word `exec` alone is not enough: regular
 * expressions have an `exec` method, too.
 */
export function shellsIn({ code, withStrings }: SourceText): [index: number, text: string][] {
  const found = [...withStrings.matchAll(SHELL_PACKAGE)].filter(({ index }) => code[index] !== ' ')
  if (MODULE.test(withStrings)) {
    const modules = [...withStrings.matchAll(MODULE_IMPORT)].map(([, imported, required]) => imported ?? required ?? '')
    const names = ['exec', ...[...code.matchAll(RENAMED_EXEC)].map(([, name = '']) => name)]
    const called = [
      `(?<![.\\w])(?:${names.join('|')})\\s*\\(`,
      ...modules.map(name => `(?<![.\\w])${name}\\.exec(?:Sync)?\\s*\\(`),
      '\\bpromisify\\s*\\(\\s*(?:\\w+\\.)?exec\\s*\\)',
    ]
    found.push(...code.matchAll(new RegExp(called.join('|'), 'g')))
    found.push(...[...withStrings.matchAll(EXPLICIT_SHELL)].filter(({ index }) => code[index] !== ' '))
  }
  return found.map(({ 0: text, index }) => [index ?? 0, text])
}
