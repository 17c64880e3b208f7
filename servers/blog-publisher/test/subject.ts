import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServerSubject } from '@narrow-deputies/server-contract'

export const subject: ServerSubject = {
  name: 'blog-publisher',
  entry: fileURLToPath(new URL('../dist/main.mjs', import.meta.url)),
  prefix: 'BLOG',
  api: 'blog',
  endpoints: ['POST /articles', 'GET /whoami'],
  scopes: ['articles:create'],
  surplusScope: 'articles:delete',
  settings: folder => ({ BLOG_DRAFTS_DIR: folder }),
  confirmationOn: {},
  confirmationOff: { BLOG_CONFIRM: 'description' },
  malformed: {
    BLOG_DRAFTS_DIR: ['drafts', '/nowhere/drafts', '/etc/passwd'],
    BLOG_CONFIRM: ['no', 'Required'],
    BLOG_DEPLOY_SSH: ['example.com', 'deploy@example.com', '-oProxyCommand=id@example.com:22', 'deploy@-x:22', 'a@b:0'],
    BLOG_DEPLOY_KEY_FILE: ['key', '/keys/"x"'],
    BLOG_DEPLOY_KNOWN_HOSTS: ['known_hosts'],
    BLOG_DEPLOY_TIMEOUT_MS: ['soon'],
  },
  tools: [
    { name: 'listDrafts', effect: 'read', scope: 'blog:read', fields: {}, valid: () => ({}) },
    {
      name: 'publishDraft',
      effect: 'irreversible',
      scope: 'blog:publish',
      endpoint: 'POST /articles',
      fields: { filename: { kind: 'filename', max: 200 } },
      valid({ folder, n }) {
        const filename = `Draft ${n} (été).md`
        writeFileSync(join(folder, filename), `# Draft ${n}\n\nText that only draft ${n} has.\n`)
        return { filename }
      },
    },
  ],
}
