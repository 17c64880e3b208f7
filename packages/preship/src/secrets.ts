import type { Target } from './target.ts'

const NAME = /KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|DSN/i
/** A shorter value can occur in other texts by chance. */
const MIN_LENGTH = 8

/** The secrets that the server was given, with their names. They must not occur in replies, logs and reports. */
export function secretsOf(target: Target): [name: string, value: string][] {
  if (target.kind === 'url') {
    const { token, foreignToken } = target
    const tokens: [string, string | undefined][] = [
      ['the access token', token],
      ['the access token for another server', foreignToken],
    ]
    return tokens.filter((entry): entry is [string, string] => entry[1] !== undefined)
  }
  return Object.entries(target.env)
    .flatMap(([name, value]): [string, string][] => {
      const password = passwordIn(value)
      if (password !== undefined) return [value, password].map(each => [name, each])
      return NAME.test(name) && !isPath(value) ? [[name, value]] : []
    })
    .filter(([, value]) => value.length >= MIN_LENGTH)
}

/** The password in a URL such as `postgres://user:password@host`. */
function passwordIn(value: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/i.exec(value)?.[1]
}

/** The path of a file that contains a secret is not a secret. */
function isPath(value: string): boolean {
  return /^(?:\.{0,2}\/|[A-Za-z]:\\)/.test(value)
}
