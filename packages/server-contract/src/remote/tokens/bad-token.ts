import type { TokenForger } from './token-forger.ts'

/** A token that the server must refuse: its fault, and how it is made. */
export type BadToken = readonly [fault: string, make: (forger: TokenForger) => string | Promise<string>]
