import { redactSecrets } from './secret-like.ts'
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
      /** A token of the same provider for another server. The server must reject it. */
      readonly foreignToken?: string | undefined
    }

export type Environment = Readonly<Record<string, string>>

/** Opens a new connection. A local server is started as a new process. */
export function connect(target: Target): Wire {
  return target.kind === 'stdio' ? openStdio(target) : openHttp(target)
}

const SECRET = /key|token|secret|passw|credential|auth/i

/** The command or URL for display, without secrets: reports are shared with others. */
export function nameOf(target: Target): string {
  if (target.kind === 'url') return `${target.url.origin}${target.url.pathname}`
  return [target.program, ...target.args]
    .map((word, at, words) => {
      // A header argument such as `Authorization: Bearer …`.
      const [, header = ''] = /^([\w-]+):\s*[^/\\\s]/.exec(word) ?? []
      if (SECRET.test(header)) return `${header}: …`
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? []
      if (value !== undefined && SECRET.test(name)) return `${name}=…`
      const before = words[at - 1] ?? ''
      if (before.startsWith('-') && !before.includes('=') && SECRET.test(before) && !word.startsWith('-')) return '…'
      return redactSecrets(word.replace(/(\w:\/\/)[^/@\s]*@/g, '$1…@'), [])
    })
    .join(' ')
}
