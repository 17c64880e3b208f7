import { fileURLToPath } from 'node:url'

/** The absolute path of a folder of Markdown blog drafts, without subfolders. */
export const DRAFTS: string = fileURLToPath(new URL('../drafts', import.meta.url))
