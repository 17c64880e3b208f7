import { openDraftsFolder } from '../src/path-guard/index.ts'
import { dropPrivileges } from './unprivileged.ts'

// Reads and lists drafts without privileges, and prints the results as one line of JSON.
const [folder = '', filename = ''] = process.argv.slice(2)
dropPrivileges()
const drafts = openDraftsFolder(folder)

const resultOf = async (work: () => unknown): Promise<unknown> => {
  try {
    return { value: await work() }
  } catch (error) {
    const { name, message, reason } = error as Error & { reason?: string }
    return { name, message, reason }
  }
}
const read = await resultOf(() => drafts.read(filename).bytes.toString())
const list = await resultOf(() => drafts.list(10, draft => draft.filename))
process.stdout.write(`${JSON.stringify({ read, list })}\n`)
