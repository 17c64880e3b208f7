import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * A variable that every local server finds in its environment. What it starts inherits it: by it, whatever a server
 * leaves behind is found again, also where it went into a session of its own.
 */
export const MARK = { name: 'PRESHIP_RUN', value: randomUUID() } as const

const ROUNDS = 5
const groups = new Set<number>()
let isWatching = false

/** From now on, the process and all that it starts end with this one. */
export function own(pid: number): void {
  if (!isWatching) process.once('exit', endAll)
  isWatching = true
  groups.add(pid)
}

/** Ends a process and all that it started. */
export function endTree(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    // Its group; on Windows, which has none, the process alone.
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    // It is gone already.
  }
}

/** A server's process has ended; so does what it left behind. */
export function disown(pid: number): void {
  endTree(pid, 'SIGKILL')
  groups.delete(pid)
  if (groups.size === 0) endMarked()
}

function endAll(): void {
  for (const pid of groups) endTree(pid, 'SIGKILL')
  endMarked()
}

/** What carries the mark of this run is ended until nothing does: it may start more of itself meanwhile. */
function endMarked(): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = marked()
    if (found.length === 0) return
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It is gone already.
      }
    }
  }
}

/** Only Linux shows another process's environment; elsewhere the group has to be enough. */
function marked(): number[] {
  if (process.platform !== 'linux') return []
  const needle = `${MARK.name}=${MARK.value}`
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        return (
          readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(needle) &&
          !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${name}/stat`, 'latin1'))
        )
      } catch {
        return false
      }
    })
    .map(Number)
}
