import { join, resolve } from 'node:path'
import * as z from 'zod'
import { AbsolutePath, ApiUrl, HostList, LogLevel, milliseconds, OriginList, PublicUrl, SafeUrl } from './forms.ts'
import { isLoopback } from './loopback.ts'
import { tlsIsVerified } from './node-hardening.ts'
import { defineSettings, type Given, type Rule, together } from './settings.ts'
import { stateFolder } from './state-folder.ts'
import { optional, required, secret, withDefault } from './variable.ts'

/**
 * The variables that every server has for its backend.
 *
 * @param prefix of their names: `CRM`
 * @param noun what the backend is to a person: `CRM`
 * @param backends the names of the adapters; the first is the default
 */
export function backendVariables<const Name extends string>(
  prefix: string,
  noun: string,
  backends: readonly [Name, ...Name[]],
) {
  return {
    apiUrl: required(`${prefix}_API_URL`, `the base URL of the ${noun} API: https, or http on loopback`, ApiUrl),
    backend: withDefault(
      `${prefix}_BACKEND`,
      `the kind of backend: ${backends.join(', ')}`,
      z.enum(backends),
      backends[0],
    ),
    apiTimeoutMs: withDefault(
      `${prefix}_API_TIMEOUT_MS`,
      'milliseconds for one call to the backend, retries included',
      milliseconds(100, 600_000),
      '10000',
    ),
  }
}

export const AUDIT_KEY = secret(
  'AUDIT_KEY',
  'the audit log’s key: 32 bytes or more, hex or base64',
  'default over stdio: generated on the first start',
)

/** The variables that every server has, over stdio and HTTP. */
export function commonSettings(server: string) {
  return defineSettings(
    {
      auditFile: optional(
        'AUDIT_FILE',
        'the file in which every call is recorded',
        AbsolutePath,
        'default over stdio: audit.jsonl in the state folder',
      ),
      auditHeadFile: optional(
        'AUDIT_HEAD_FILE',
        'the file that holds the head of the audit chain, best on another disk',
        AbsolutePath,
        'default: AUDIT_FILE with .head appended',
      ),
      logLevel: withDefault('LOG_LEVEL', LogLevel.options.join(' '), LogLevel, 'info'),
    },
    auditHeadIsNotTheLog(server),
    tlsIsVerified,
  )
}

function auditHeadIsNotTheLog(server: string): Rule {
  return given => {
    const { AUDIT_HEAD_FILE: headFile } = given
    if (headFile === undefined) return []
    const auditFile = given.AUDIT_FILE ?? join(stateFolder(server, given), 'audit.jsonl')
    return resolve(headFile) === resolve(auditFile) ? ['AUDIT_HEAD_FILE must not be the audit file itself'] : []
  }
}

/** The variables that matter to remote callers alone. */
export const REMOTE_SETTINGS = defineSettings(
  {
    publicUrl: optional(
      'MCP_PUBLIC_URL',
      'the URL of this server as its clients know it, ending in /mcp',
      PublicUrl,
      'required with OAUTH_ISSUER',
    ),
    issuer: optional(
      'OAUTH_ISSUER',
      'the identity provider whose access tokens are accepted',
      SafeUrl,
      'required, except on loopback',
    ),
    audience: optional(
      'OAUTH_AUDIENCE',
      'the aud that a token must name',
      z.string().max(2048),
      'default: MCP_PUBLIC_URL',
    ),
    allowedHosts: optional(
      'MCP_ALLOWED_HOSTS',
      'the host names under which it may be called, separated by commas',
      HostList,
      'default: the host of MCP_PUBLIC_URL',
    ),
    allowedOrigins: optional(
      'MCP_ALLOWED_ORIGINS',
      'the origins of pages that may call it, separated by commas',
      OriginList,
      'default: the origin of MCP_PUBLIC_URL',
    ),
  },
  together('OAUTH_ISSUER', 'MCP_PUBLIC_URL'),
  othersNeedOAuth,
)

function othersNeedOAuth(given: Given): string[] {
  if (given.OAUTH_ISSUER) return []
  const named = ['MCP_ALLOWED_HOSTS', 'MCP_ALLOWED_ORIGINS'].filter(name =>
    (given[name] ?? '').split(',').some(item => item.trim() !== '' && !isLoopback(hostnameOf(item.trim()))),
  )
  return [
    ...named.map(name => `${name} names others than this machine: OAUTH_ISSUER and MCP_PUBLIC_URL are required then`),
    ...(given.OAUTH_AUDIENCE ? ['OAUTH_AUDIENCE is of no use without OAUTH_ISSUER'] : []),
  ]
}

/** Of a host, or of an origin. */
function hostnameOf(place: string): string {
  return place.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/:\d+$/, '')
}
