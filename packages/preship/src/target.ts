import { withoutSecrets } from './secret-like.ts'
import { openHttp } from './wire/http.ts'
import { openStdio } from './wire/stdio.ts'
import type { Wire } from './wire/wire.ts'

/** The server to examine. */
export type Target =
  | { readonly kind: 'stdio'; readonly program: string; readonly args: readonly string[]; readonly env: Environment }
  | {
      readonly kind: 'url'
      readonly url: URL
      readonly token: string | undefined
      /** Of the same provider, but for another server: it has to be refused. */
      readonly foreignToken?: string | undefined
    }

export type Environment = Readonly<Record<string, string>>

/** A new connection to it; for a local server, a new process. */
export function connect(target: Target): Wire {
  return target.kind === 'stdio' ? openStdio(target) : openHttp(target)
}

const SECRET = /key|token|secret|passw|credential|auth/i

/** As a person would name it, without what looks like a secret: reports are passed around. */
export function nameOf(target: Target): string {
  if (target.kind === 'url') return `${target.url.origin}${target.url.pathname}`
  return [target.program, ...target.args]
    .map((word, at, words) => {
      // A header, as clients of remote servers are given one: `Authorization: Bearer …`.
      const [, header = ''] = /^([\w-]+):\s*[^/\\\s]/.exec(word) ?? []
      if (SECRET.test(header)) return `${header}: …`
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? []
      if (value !== undefined && SECRET.test(name)) return `${name}=…`
      const before = words[at - 1] ?? ''
      if (before.startsWith('-') && !before.includes('=') && SECRET.test(before) && !word.startsWith('-')) return '…'
      return withoutSecrets(word.replace(/(\w:\/\/)[^/@\s]*@/g, '$1…@'), [])
    })
    .join(' ')
}
