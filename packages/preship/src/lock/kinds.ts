import type { Kind } from '../finding.ts'

/** Findings from comparing a server with its lock file. */
export const LOCK_KINDS = {
  LOCK_CHANGED: {
    item: 1,
    severity: 'error',
    title: 'Server differs from the lock file',
    why: 'A description that changes after people have accepted a tool can turn it into an attack, because the model reads the new text (rug pull).',
    narrow:
      'Review the change. If the worst case is still acceptable, accept it: preship lock --accept-by NAME --worst-case TOOL=TEXT.',
  },
  LOCK_NEW_TOOL: {
    item: 1,
    severity: 'error',
    title: 'Tool is not in the lock file',
    why: 'Nobody has reviewed it.',
    narrow: 'Remove the tool, or describe its worst case and accept it with preship lock.',
  },
  LOCK_GONE_TOOL: {
    item: 1,
    severity: 'warning',
    title: 'Tool in the lock file no longer exists',
    why: 'Another server may offer a tool of the same name and be mistaken for this one.',
    narrow: 'Run preship lock to remove it from the lock file.',
  },
  LOCK_UNACCEPTED: {
    item: 1,
    severity: 'warning',
    title: 'Worst case of a tool is not accepted',
    why: 'Nobody has assessed what a model misled by a prompt injection can do with the tool.',
    narrow:
      'Describe the worst case with --worst-case, restrict the tool until it is acceptable, and accept it with --accept-by.',
  },
} as const satisfies Record<string, Kind>
