import { closeSync, constants, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** The end of a chain as its writer last saw it. Kept apart from the chain, it shows that the chain was cut short. */
export interface Head {
  readonly seq: number
  readonly mac: string
}

export interface HeadFile {
  write(head: Head): void
  sync(): void
  close(): void
}

/** One fixed-length line, so that it is replaced by one write and never longer than what is there. */
export function formatHead({ seq, mac }: Head): string {
  return `${String(seq).padStart(16, '0')} ${mac}\n`
}

/** @param path created with mode 0600 if it does not exist */
export function openHeadFile(path: string): HeadFile {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
  return {
    write(head) {
      const line = formatHead(head)
      if (writeSync(fd, line, 0) !== line.length) throw new Error('the audit head was not written whole')
    },
    sync: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  }
}

/** Undefined if there is none; throws if what is there is not a head. */
export function readHead(path: string): Head | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // Opened and not yet written to.
  if (text === '') return undefined
  const match = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text)
  if (!match?.[1] || !match[2] || Number(match[1]) === 0) throw new Error(`not an audit head: ${path}`)
  return { seq: Number(match[1]), mac: match[2] }
}
