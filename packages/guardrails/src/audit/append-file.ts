import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/** A file to which whole lines are appended. */
export interface AppendFile {
  /** @throws if the file was deleted: lines that are appended to it would be lost */
  assertInPlace(): void
  /** Appends the whole line, or throws the system error and leaves the file as it was. */
  append(line: Buffer): void
  /** Flushes data and length to the disk. */
  sync(): void
  close(): void
}

/** @param path created with mode 0600 if it does not exist */
export function openAppendFile(path: string): AppendFile {
  const fd = openSync(path, 'a', 0o600)
  const regular = fstatSync(fd).isFile()
  return {
    assertInPlace() {
      if (regular && fstatSync(fd).nlink === 0) throw new Error('the audit file was removed while in use')
    },
    append(line) {
      let written = 0
      try {
        // On a full disk or at a file-size limit, a write can be partial. The error comes with the next write.
        while (written < line.length) written += writeSync(fd, line, written)
      } catch (error) {
        if (regular && written > 0) ftruncateSync(fd, fstatSync(fd).size - written)
        throw error
      }
    },
    sync() {
      if (regular) fdatasyncSync(fd)
    },
    close: () => closeSync(fd),
  }
}
