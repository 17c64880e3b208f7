/** The local transport: one client over standard input and output. */
export { serveStdio } from './serve-stdio.ts'
