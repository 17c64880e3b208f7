import type { Kind } from '../finding.ts'
import { type Field, fieldsOf, type JsonObject } from '../surface.ts'
import { ofEachTool, type Rule } from './rule.ts'
import { excludesSeparators, isIdentifier, textForms } from './strings.ts'
import { namedBy, proseOf, wordsOf } from './words.ts'

export const KINDS = {
  URL_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts a URL',
    why: 'The server can be made to send requests to internal services or to an attacker’s host (SSRF).',
    narrow: 'Take an id and build the URL in the server, or list the allowed URLs in an enum.',
  },
  HOST_INPUT: {
    item: 1,
    severity: 'warning',
    title: 'Tool accepts a host name',
    why: 'If the server connects to it, a caller can reach services that only the server can reach (SSRF).',
    narrow: 'List the allowed hosts in an enum.',
  },
  FILE_PATH_INPUT: {
    item: 1,
    severity: 'error',
    title: 'Tool accepts a file path',
    why: 'Parent references, symbolic links and absolute paths can lead out of the intended folder (path traversal). Checking the text alone does not prevent this.',
    narrow:
      'Take a bare file name with a pattern that excludes separators, look it up in one flat folder, and check the file after it was opened.',
  },
  PATH_LIKE_INPUT: {
    item: 1,
    severity: 'warning',
    title: 'Tool accepts a value that may be a path',
    why: 'If the value names a file or an endpoint, a caller can name others as well (path traversal).',
    narrow: 'Take an id or an enum value, or use a pattern that excludes slashes.',
  },
} as const satisfies Record<string, Kind>

const URL_HEADS = new Set('url uri href webhook weblink hyperlink iri'.split(' '))
const URL_FORMATS = new Set(['uri', 'uri-reference', 'iri', 'iri-reference', 'url', 'uri-template'])
const HOST_HEADS = new Set(['host', 'hostname', 'ip', 'ipaddress', 'origin', 'server', 'fqdn'])
const PATH_HEADS = new Set('path filepath pathname dirpath cwd directory dir workdir'.split(' '))
const SURE_PATH_HEADS = new Set('filepath dirpath cwd workdir dir'.split(' '))
const ENDPOINT_HEADS = new Set('source destination src dest target from to input output'.split(' '))
const NOT_A_FILE =
  /\b(?:json ?pointer|json ?path|xpath|dot[- ]separated|dotted|url path|breadcrumb|object path|property path)\b/
const FILES = /\b(?:files?|folders?|director(?:y|ies)|filesystem|disk|absolute path|relative path)\b/

export const addresses: Rule<keyof typeof KINDS> = ofEachTool((tool, say) => {
  const toolWords = new Set(namedBy(tool.name).words)
  const isAboutFiles = ['file', 'directory', 'folder', 'dir'].some(word => toolWords.has(word))
  const about = proseOf(wordsOf(tool.name).join(' '), tool.description)
  const fields = fieldsOf(tool)
  const isInRepository = speaksOfRepository(fields)
  for (const field of fields) {
    const forms = textForms(field).filter(form => !isPinned(form))
    if (forms.length === 0) continue
    const { words, head } = namedBy(field.name)
    const said = proseOf(field.schema.description, field.schema.title)
    const isUrl = forms.some(({ format }) => URL_FORMATS.has(String(format)))
    if (isUrl || URL_HEADS.has(head))
      say('URL_INPUT', isUrl ? 'its format is a URL format' : 'its name suggests a URL', field.path)
    else if (
      /^(?:an? |the |target |full |absolute |complete |base |http ){0,3}(?:url|uri|link|web ?page address)\b(?! ?-?(?:safe|friendly|slug))/.test(
        said,
      )
    )
      say('URL_INPUT', 'its description says that it contains a URL', field.path)
    else if (HOST_HEADS.has(head) && !(words.length > 1 && head === 'server'))
      say('HOST_INPUT', 'its name suggests a host', field.path)
    else if (forms.every(form => excludesSeparators(form) || isIdentifier(form)) || NOT_A_FILE.test(said)) continue
    else if (isInRepository && isFilePath(words, head, said, about, isAboutFiles) && !isLocal(words, said))
      say('PATH_LIKE_INPUT', 'it contains the path of a file in a repository', field.path)
    else if (isFilePath(words, head, said, about, isAboutFiles))
      say('FILE_PATH_INPUT', 'it contains the path of a file or folder', field.path)
    else if (PATH_HEADS.has(head) || head === 'folder') say('PATH_LIKE_INPUT', 'its name suggests a path', field.path)
  }
})

function isFilePath(
  words: readonly string[],
  head: string,
  said: string,
  about: string,
  isAboutFiles: boolean,
): boolean {
  if (SURE_PATH_HEADS.has(head)) return true
  if (PATH_HEADS.has(head)) return FILES.test(said) || FILES.test(about) || words.includes('file')
  if (
    /\b(?:absolute|relative|file|directory) path\b|\bpath (?:to|of) (?:the |a |an )?(?:\w+ )?(?:file|folder|directory)\b/.test(
      said,
    )
  )
    return true
  // For example move_file(source, destination).
  return isAboutFiles && ENDPOINT_HEADS.has(head) && words.length <= 2
}

const REPOSITORY_WORDS = new Set('repo repository branch ref sha commit'.split(' '))

/**
 * Whether a tool works on files in a remote repository. A tool that takes a repository path works on a local folder.
 */
function speaksOfRepository(fields: readonly Field[]): boolean {
  const names = fields.map(({ name }) => namedBy(name))
  const isOf = ({ words }: { words: readonly string[] }): boolean => words.some(word => REPOSITORY_WORDS.has(word))
  return names.some(isOf) && !names.some(name => isOf(name) && PATH_HEADS.has(name.head))
}

function isLocal(words: readonly string[], said: string): boolean {
  return words.includes('local') || /\b(?:local|disk|this machine|upload|save)/.test(said)
}

/** Whether the pattern of a URL fixes its scheme and host. */
function isPinned({ pattern }: JsonObject): boolean {
  return (
    typeof pattern === 'string' &&
    /^\^https\??:(?:\\?\/){2}[a-z0-9-]+(?:\\\.[a-z0-9-]+)*(?::\d+)?(?:\\?\/|\$)/i.test(pattern)
  )
}
