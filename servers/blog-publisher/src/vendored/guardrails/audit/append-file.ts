import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/** A file that only grows, by whole lines. */
export interface AppendFile {
  /**
   * Throws if the file has lost its name: what is written to it then would be lost with it.
   */
  assertInPlace(): void
  /** Writes one line whole, or throws the system's error and leaves the file as it was. */
  append(line: Buffer): void
  /** Puts what was written on the disk: data and length. */
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
        // A full disk or a file-size limit can take part of a line and report the rest only at the next write.
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
