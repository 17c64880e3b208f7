import type { Kind } from '../finding.ts'
import { sanitize } from '../sanitize.ts'
import { quoted, type Rule } from './rule.ts'

export const KINDS = {
  ODD_NAME: {
    item: 1,
    severity: 'warning',
    title: 'Tool name has unusual characters or is too long',
    why: 'Letters of other scripts can imitate a trusted name, and some clients cannot call such a tool.',
    narrow: 'Use only the letters a to z, digits, dot, dash and underscore, and at most 64 characters.',
  },
  LOOKALIKE_NAME: {
    item: 1,
    severity: 'error',
    title: 'Tool name imitates another tool name',
    why: 'People and models can mistake it for the other tool.',
    narrow: 'Choose a name that differs in more than case, invisible characters or look-alike letters.',
  },
  SHADOWED_NAME: {
    item: 1,
    severity: 'warning',
    title: 'Tool name is already in use',
    why: 'A client that merges the tools of several servers may send a call to the wrong one (tool shadowing).',
    narrow: 'Use a name that says which system the tool works on: findCustomerByEmail instead of search.',
  },
} as const satisfies Record<string, Kind>

/** Look-alikes of Latin letters that NFKD normalization does not map. */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    a: 'аɑα',
    b: 'Ьβв',
    c: 'сϲ',
    d: 'ԁɗ',
    e: 'еҽ',
    g: 'ɡց',
    h: 'һнհ',
    i: 'іıɩι',
    j: 'јϳ',
    k: 'кκ',
    l: 'ӏǀⅼ1',
    m: 'мⅿ',
    n: 'пոη',
    o: 'оοօ0σ',
    p: 'рρ',
    q: 'ԛգ',
    r: 'гᴦ',
    s: 'ѕꜱ',
    t: 'тτ',
    u: 'υսц',
    v: 'ѵν',
    w: 'ԝѡω',
    x: 'хχ',
    y: 'уүγ',
    z: 'ᴢ',
  }).flatMap(([letter, others]) => [...others].map(other => [other, letter])),
)

export const names: Rule<keyof typeof KINDS> = ({ tools }, neighbours) => {
  const foreign = neighbours.flatMap(({ server, tools: theirs }) => theirs.map(({ name }) => ({ name, server })))
  const byLooks = new Map<string, { name: string; server: string | undefined }[]>()
  for (const entry of [...foreign, ...tools.map(({ name }) => ({ name, server: undefined }))]) {
    const looks = looksOf(entry.name)
    byLooks.set(looks, [...(byLooks.get(looks) ?? []).slice(0, 20), entry])
  }
  return tools.flatMap(({ name }, at): ReturnType<Rule<keyof typeof KINDS>> => {
    const tool = sanitize(name, 80)
    const same = byLooks.get(looksOf(name)) ?? []
    const lookalike = same.find(other => other.name !== name)
    const shadowed = same.find(other => other.name === name && other.server !== undefined)
    const isTwice = tools.findIndex(other => other.name === name) < at
    const found: ReturnType<Rule<keyof typeof KINDS>> = []
    if (!/^[A-Za-z0-9_./-]{1,64}$/.test(name))
      found.push({
        code: 'ODD_NAME',
        tool,
        message:
          'its name contains other characters than ASCII letters, digits, “.”, “-”, “_” and “/”, or it is longer than 64',
      })
    if (lookalike) found.push({ code: 'LOOKALIKE_NAME', tool, message: `it looks like ${named(lookalike)}` })
    if (shadowed)
      found.push({ code: 'SHADOWED_NAME', tool, message: `another tool has the same name: ${named(shadowed)}` })
    else if (isTwice) found.push({ code: 'SHADOWED_NAME', tool, message: 'the server lists two tools of this name' })
    return found
  })
}

function named({ name, server }: { name: string; server: string | undefined }): string {
  return server === undefined ? quoted(name, 80) : `${quoted(name, 80)} of ${quoted(server, 60)}`
}

/** A key that is equal for names that look the same. */
function looksOf(name: string): string {
  const letters = name
    .slice(0, 200)
    .normalize('NFKD')
    .replace(/[\p{Cf}\p{Cc}\p{Mn}\s]/gu, '')
    .toLowerCase()
  return [...letters].map(letter => LOOKALIKES[letter] ?? letter).join('')
}
