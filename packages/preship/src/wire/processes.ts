import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * An environment variable that every local server gets. Its child processes inherit it, so that leftover processes are
 * found even if they started a session of their own.
 */
export const RUN_MARKER = { name: 'PRESHIP_RUN', value: randomUUID() } as const

const MAX_ROUNDS = 5
const groups = new Set<number>()
let isWatching = false

/** Registers a process, so that it and its children are killed when preship exits. */
export function track(pid: number): void {
  if (!isWatching) process.once('exit', endAll)
  isWatching = true
  groups.add(pid)
}

/** Signals a process and its children. */
export function endTree(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    // The process group. Windows has none, so only the process itself is signalled.
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    // The process has already ended.
  }
}

/** Kills what is left of the group of a server that has exited. After the last server, also kills marked processes. */
export function untrack(pid: number): void {
  endTree(pid, 'SIGKILL')
  groups.delete(pid)
  if (groups.size === 0) killMarked()
}

function endAll(): void {
  for (const pid of groups) endTree(pid, 'SIGKILL')
  killMarked()
}

/** Ends processes with the marker of this run. Repeats, because they may start others meanwhile. */
function killMarked(): void {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = markedProcesses()
    if (found.length === 0) return
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // The process has already ended.
      }
    }
  }
}

/**
 * Finds processes by the marker. Only Linux shows the environment of other processes; on other systems, ending the
 * group has to suffice.
 */
function markedProcesses(): number[] {
  if (process.platform !== 'linux') return []
  const needle = `${RUN_MARKER.name}=${RUN_MARKER.value}`
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
