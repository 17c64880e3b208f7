import type { Tool } from '#call'
import type { Ports } from '../ports.ts'
import { deployBlog } from './deploy-blog.ts'
import { listDrafts } from './list-drafts.ts'
import { publishDraft } from './publish-draft.ts'

/** Everything that a caller of this server can do. */
export const tools: readonly Tool<Ports>[] = [listDrafts, publishDraft, deployBlog]

/** What it can do with these ports: a tool that nobody configured does not exist. */
export function toolsFor({ deployer }: Ports): readonly Tool<Ports>[] {
  return deployer ? tools : tools.filter(tool => tool !== deployBlog)
}
