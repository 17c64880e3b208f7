import * as z from 'zod'

export const Title = z.string().max(200).meta({ audit: 'clear' })

/** The SHA-256 digest of a draft’s bytes, in lower-case hex. */
export const Sha256 = z
  .string()
  .max(64)
  .refine(hex => /^[0-9a-f]{64}$/.test(hex), 'is not a SHA-256 digest')
  .meta({ audit: 'clear' })
