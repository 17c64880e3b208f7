import { closeSync, constants, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** The last record of a chain. Stored in a file of its own, it reveals that records were cut off the end of the chain. */
export interface Head {
  readonly seq: number
  readonly mac: string
}

export interface HeadFile {
  write(head: Head): void
  sync(): void
  close(): void
}

/** One line of fixed length: a single write replaces it and leaves nothing of the previous head behind. */
export function formatHead({ seq, mac }: Head): string {
  return `${String(seq).padStart(16, '0')} ${mac}\n`
}

/** @param path created with mode 0600 if it does not exist */
export function openHeadFile(path: string): HeadFile {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
  return {
    write(head) {
      const line = formatHead(head)
      if (writeSync(fd, line, 0) !== line.length) throw new Error('the audit head was only partly written')
    },
    sync: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  }
}

/** @returns undefined if the file is missing or empty. @throws if it holds anything else than a head */
export function readHead(path: string): Head | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // The file was created, but no head was written yet.
  if (text === '') return undefined
  const match = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text)
  if (!match?.[1] || !match[2] || Number(match[1]) === 0) throw new Error(`not an audit head: ${path}`)
  return { seq: Number(match[1]), mac: match[2] }
}
