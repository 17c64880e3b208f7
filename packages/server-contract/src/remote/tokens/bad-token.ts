import type { Forge } from './forge.ts'

/** A token that opens no door: what is wrong with it, and how it is made. */
export type BadToken = readonly [wrong: string, make: (forge: Forge) => string | Promise<string>]
