export { isDraftName } from './draft-name.ts'
export { type Draft, type DraftsFolder, openDraftsFolder } from './drafts-folder.ts'
export { type DraftRefusal, DraftsRootError, NotADraftError, UrlPathError } from './errors.ts'
export { type UrlPath, urlPath } from './url-path.ts'
