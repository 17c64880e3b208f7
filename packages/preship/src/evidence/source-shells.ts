import type { SourceText } from './source-text.ts'

const MODULE = /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*)['"`](?:node:)?child_process['"`]/
/** `import * as processes from`, `import processes from`, `const processes = require(`. */
const WHOLE =
  /\bimport\s+(?:\*\s*as\s+)?(\w+)\s+from\s*['"`](?:node:)?child_process['"`]|\b(?:const|let|var)\s+(\w+)\s*=\s*(?:await\s+import|require)\s*\(\s*['"`](?:node:)?child_process['"`]/g
/** `exec as run`, `exec: run`. */
const RENAMED = /\bexec(?:Sync)?\s*(?:\bas\b|:)\s*(\w+)/g
/** A shell that is given a command is one, whatever starts it. */
const NAMED =
  /\b(?:spawn|execFile)(?:Sync)?\s*\(\s*['"`](?:[\w/]*\/)?(?:ba|z|da|k)?sh['"`]\s*,\s*\[\s*['"`]-\w*c\b|\b(?:spawn|execFile)(?:Sync)?\s*\(\s*['"`](?:cmd|powershell|pwsh)(?:\.exe)?['"`]|\bshell\s*:\s*['"`]/gi
const PACKAGE = /(?:\bfrom\s*|\brequire\s*\(\s*|\bimport\s*\(\s*)['"`](shelljs|zx)(?:\/\w+)?['"`]/g

/** Where JavaScript has a command run through a shell, beyond what one word tells: `exec` is a method of patterns, too. */
export function shellsIn({ code, withStrings }: SourceText): [index: number, text: string][] {
  const found = [...withStrings.matchAll(PACKAGE)].filter(({ index }) => code[index] !== ' ')
  if (MODULE.test(withStrings)) {
    const modules = [...withStrings.matchAll(WHOLE)].map(([, imported, required]) => imported ?? required ?? '')
    const names = ['exec', ...[...code.matchAll(RENAMED)].map(([, name = '']) => name)]
    const called = [
      `(?<![.\\w])(?:${names.join('|')})\\s*\\(`,
      ...modules.map(name => `(?<![.\\w])${name}\\.exec(?:Sync)?\\s*\\(`),
      '\\bpromisify\\s*\\(\\s*(?:\\w+\\.)?exec\\s*\\)',
    ]
    found.push(...code.matchAll(new RegExp(called.join('|'), 'g')))
    found.push(...[...withStrings.matchAll(NAMED)].filter(({ index }) => code[index] !== ' '))
  }
  return found.map(({ 0: text, index }) => [index ?? 0, text])
}
