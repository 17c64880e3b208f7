/** The form in which names are compared: no case, no accents, compatibility forms unified. */
export function foldName(name: string): string {
  // Greek writes a last sigma differently, so a name cut in the middle would not match itself.
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ').trim()
}

/** The form in which e-mail addresses are compared: no case. */
export function foldEmail(email: string): string {
  return email.toLowerCase()
}
