const NOBODY = 65534

/** Root may read and write everything: as nobody, permissions count. */
export function dropPrivileges(): void {
  if (process.getuid?.() !== 0) return
  process.setgroups?.([])
  process.setgid?.(NOBODY)
  process.setuid?.(NOBODY)
}
