import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { exportJWK, generateKeyPair } from 'jose'
import { readPrivate, writePrivate } from './private-file.ts'

/** The algorithm of all signatures. */
export const ALGORITHM = 'ES256'

export interface Keys {
  /** Private keys that sign tokens. */
  readonly signing: readonly JWK[]
  /** Secrets that sign cookies. */
  readonly cookies: readonly string[]
}

/** Generates keys. With a state folder, stores them there and reuses them the next time. */
export async function loadKeys(state: string | undefined): Promise<Keys> {
  if (state === undefined) return generateKeys()
  const file = join(state, 'identity-keys.json')
  const stored = readPrivate(file) as Keys | undefined
  if (stored !== undefined) return stored
  const generated = await generateKeys()
  writePrivate(file, generated)
  return generated
}

async function generateKeys(): Promise<Keys> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const signing = { ...(await exportJWK(privateKey)), use: 'sig', alg: ALGORITHM }
  return { signing: [signing], cookies: [randomBytes(32).toString('base64url')] }
}
