import type { Given } from './settings.ts'

/** Refuses settings of Node’s own that would give the backend’s credential away. Returns a line for each problem. */
export function tlsIsVerified(given: Given): string[] {
  return given.NODE_TLS_REJECT_UNAUTHORIZED === '0'
    ? [
        'NODE_TLS_REJECT_UNAUTHORIZED=0 is refused: any server could pass for the backend and receive the credential. ' +
          'To trust a private certificate authority, set NODE_EXTRA_CA_CERTS',
      ]
    : []
}

/** Node opens its inspector on SIGUSR1, which gives control of the process. A listener takes that default’s place. */
export function ignoreInspectorSignal(): void {
  if (process.platform !== 'win32') process.on('SIGUSR1', () => {})
}
