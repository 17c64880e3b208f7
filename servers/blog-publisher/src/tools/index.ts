import type { Tool } from '#call'
import type { Ports } from '../ports.ts'
import { deployBlog } from './deploy-blog.ts'
import { listDrafts } from './list-drafts.ts'
import { publishDraft } from './publish-draft.ts'

/** Every tool of this server. */
export const tools: readonly Tool<Ports>[] = [listDrafts, publishDraft, deployBlog]

/** The tools that these ports allow: `deployBlog` exists only if deploying is configured. */
export function toolsFor({ deployer }: Ports): readonly Tool<Ports>[] {
  return deployer ? tools : tools.filter(tool => tool !== deployBlog)
}
