/** Matches strings in the format of common credentials. */
export const SECRET_LIKE =
  /\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_\w{16,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{20,}|\bglpat-[\w-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b[Bb]earer [A-Za-z0-9._~+/-]{20,}/

const SECRET_LIKE_GLOBAL = new RegExp(SECRET_LIKE, 'g')
/** A shorter prefix of a secret can occur in a text by chance. */
const MIN_PREFIX = 6

/**
 * Removes the given secrets, and everything in the format of a credential, from a text. A truncated text can end with
 * the first characters of a secret; these are removed as well.
 */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  let rest = text
  for (const secret of secrets) {
    rest = rest.replaceAll(secret, '…')
    for (let at = rest.indexOf('…'); at !== -1; at = rest.indexOf('…', at + 1)) {
      let length = Math.min(at, secret.length)
      while (length >= MIN_PREFIX && rest.slice(at - length, at) !== secret.slice(0, length)) length -= 1
      if (length < MIN_PREFIX) continue
      rest = rest.slice(0, at - length) + rest.slice(at)
      at -= length
    }
  }
  return rest.replace(SECRET_LIKE_GLOBAL, '…')
}
