const NOBODY = 65534

/** Root ignores file permissions, so a test of permissions runs as nobody. */
export function dropPrivileges(): void {
  if (process.getuid?.() !== 0) return
  process.setgroups?.([])
  process.setgid?.(NOBODY)
  process.setuid?.(NOBODY)
}
