import type { Kind } from '../finding.ts'

/** What a lock file has to say about a server. */
export const LOCK_KINDS = {
  LOCK_CHANGED: {
    item: 1,
    severity: 'error',
    title: 'not what was accepted',
    why: 'A description that changes after people have agreed to a tool is how a harmless tool becomes an attack: the model reads the new one.',
    narrow:
      'Read what changed. If its worst case is still one that you accept, say so: preship lock --accept-by NAME --worst-case TOOL=TEXT.',
  },
  LOCK_NEW_TOOL: {
    item: 1,
    severity: 'error',
    title: 'a tool that is not in the lock file',
    why: 'Nobody has decided about it.',
    narrow: 'Leave it out, or write down the worst that it can do and accept that: preship lock.',
  },
  LOCK_GONE_TOOL: {
    item: 1,
    severity: 'warning',
    title: 'a tool of the lock file is gone',
    why: 'Another server may offer one of the same name, and be taken for this one.',
    narrow: 'Run preship lock to take it out of the lock file.',
  },
  LOCK_UNACCEPTED: {
    item: 1,
    severity: 'warning',
    title: 'a worst case that nobody accepted',
    why: 'What a deceived model does with the tool happens whether somebody thought of it or not.',
    narrow: 'Write down the worst that the tool can do; narrow it until somebody puts their name to that.',
  },
} as const satisfies Record<string, Kind>
