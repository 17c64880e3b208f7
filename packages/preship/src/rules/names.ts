import type { Kind } from '../finding.ts'
import { plain } from '../plain-text.ts'
import { quoted, type Rule } from './rule.ts'

export const KINDS = {
  ODD_NAME: {
    item: 1,
    severity: 'warning',
    title: 'has a name of other than plain letters',
    why: 'Letters of other scripts look like those of a name that people trust; some clients cannot call it at all.',
    narrow: 'Letters a to z, digits, dot, dash and underscore; at most 64 of them.',
  },
  LOOKALIKE_NAME: {
    item: 1,
    severity: 'error',
    title: 'has the name of another tool, written differently',
    why: 'People and models take it for the other one.',
    narrow: 'A name that differs in more than case, invisible characters or letters of another script.',
  },
  SHADOWED_NAME: {
    item: 1,
    severity: 'warning',
    title: 'has the name of another tool',
    why: 'Where a client puts the tools of its servers into one list, one of the two gets the calls that are meant for the other.',
    narrow: 'A name that says which system it is about: findCustomerByEmail, not search.',
  },
} as const satisfies Record<string, Kind>

/** Letters that look like those of the Latin alphabet, beside those that NFKD takes care of. */
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
    const tool = plain(name, 80)
    const same = byLooks.get(looksOf(name)) ?? []
    const lookalike = same.find(other => other.name !== name)
    const shadowed = same.find(other => other.name === name && other.server !== undefined)
    const isTwice = tools.findIndex(other => other.name === name) < at
    const found: ReturnType<Rule<keyof typeof KINDS>> = []
    if (!/^[A-Za-z0-9_./-]{1,64}$/.test(name))
      found.push({ code: 'ODD_NAME', tool, message: 'its name is no plain one' })
    if (lookalike) found.push({ code: 'LOOKALIKE_NAME', tool, message: `it looks like ${named(lookalike)}` })
    if (shadowed) found.push({ code: 'SHADOWED_NAME', tool, message: `there is also ${named(shadowed)}` })
    else if (isTwice) found.push({ code: 'SHADOWED_NAME', tool, message: 'the server lists two tools of this name' })
    return found
  })
}

function named({ name, server }: { name: string; server: string | undefined }): string {
  return server === undefined ? quoted(name, 80) : `${quoted(name, 80)} of ${quoted(server, 60)}`
}

/** Two names that look the same have the same. */
function looksOf(name: string): string {
  const letters = name
    .slice(0, 200)
    .normalize('NFKD')
    .replace(/[\p{Cf}\p{Cc}\p{Mn}\s]/gu, '')
    .toLowerCase()
  return [...letters].map(letter => LOOKALIKES[letter] ?? letter).join('')
}
