import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { exportJWK, generateKeyPair } from 'jose'
import { readPrivate, writePrivate } from './private-file.ts'

/** The one algorithm of all signatures here. */
export const ALGORITHM = 'ES256'

export interface Keys {
  /** Private keys that sign tokens. */
  readonly signing: readonly JWK[]
  /** Secrets that sign cookies. */
  readonly cookies: readonly string[]
}

/** New keys; with a state folder, the ones that were made there the first time. */
export async function loadKeys(state: string | undefined): Promise<Keys> {
  if (state === undefined) return makeKeys()
  const file = join(state, 'identity-keys.json')
  const kept = readPrivate(file) as Keys | undefined
  if (kept !== undefined) return kept
  const made = await makeKeys()
  writePrivate(file, made)
  return made
}

async function makeKeys(): Promise<Keys> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const signing = { ...(await exportJWK(privateKey)), use: 'sig', alg: ALGORITHM }
  return { signing: [signing], cookies: [randomBytes(32).toString('base64url')] }
}
