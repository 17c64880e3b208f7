/**
 * A value that an MCP client should have replaced, and passed on as it stood in its settings: `${VAR}`,
 * `${user_config.x}`, `${input:x}`, `{env:X}`, `%VAR%` or `$VAR`.
 */
const PLACEHOLDERS = [/\$\{[^{}]*\}/, /\{env:[^{}]*\}/, /^%[A-Za-z_]\w*%$/, /^\$[A-Za-z_]\w*$/]

/** A variable within a longer value, as in `https://$HOST/v1`. In capitals, since `a$b` can be a name. */
const INSERTED = /\$[A-Z_][A-Z0-9_]*/

/** Whether a secret is, or holds, a placeholder. `$VAR` and `%VAR%` count only if they are the whole value. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDERS.some(placeholder => placeholder.test(value.trim()))
}

/** Whether a setting is, or holds, a placeholder. */
export function holdsPlaceholder(setting: string): boolean {
  return isPlaceholder(setting) || INSERTED.test(setting)
}

/** What to tell of one. It does not repeat the value, which could be a real secret that only looks like a placeholder. */
export const PLACEHOLDER_PROBLEM =
  'holds a placeholder that the MCP client did not replace: give it a value, or leave it out'
