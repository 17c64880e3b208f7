/** What looks like a credential, whoever's it is. */
export const SECRET_LIKE =
  /\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_\w{16,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{20,}|\bglpat-[\w-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b[Bb]earer [A-Za-z0-9._~+/-]{20,}/

const EACH = new RegExp(SECRET_LIKE, 'g')
/** A shorter beginning of a secret stands in a text by chance. */
const SHORTEST = 6

/**
 * A text that is shown or passed on, without the given secrets and without what looks like one. What was cut to fit may
 * hold the beginning of one.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let rest = text
  for (const secret of secrets) {
    rest = rest.replaceAll(secret, '…')
    for (let at = rest.indexOf('…'); at !== -1; at = rest.indexOf('…', at + 1)) {
      let length = Math.min(at, secret.length)
      while (length >= SHORTEST && rest.slice(at - length, at) !== secret.slice(0, length)) length -= 1
      if (length < SHORTEST) continue
      rest = rest.slice(0, at - length) + rest.slice(at)
      at -= length
    }
  }
  return rest.replace(EACH, '…')
}
