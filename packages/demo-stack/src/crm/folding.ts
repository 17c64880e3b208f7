/** Folds a name for comparison: without case, accents and compatibility variants. */
export function foldName(name: string): string {
  // Greek has a different sigma at the end of a word, so part of a name would not match the whole name.
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ').trim()
}

/** Folds an e-mail address for comparison: without case. */
export function foldEmail(email: string): string {
  return email.toLowerCase()
}
