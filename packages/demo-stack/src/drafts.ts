import { fileURLToPath } from 'node:url'

/** Absolute path of a flat folder of blog drafts in Markdown. */
export const DRAFTS: string = fileURLToPath(new URL('../drafts', import.meta.url))
