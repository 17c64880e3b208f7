import manifest from '../package.json' with { type: 'json' }

export const NAME = 'preship'
export const VERSION: string = manifest.version

export const HELP = `${NAME} ${VERSION}: examines an MCP server before you ship it, and answers eight questions with evidence.

  ${NAME} [options] -- COMMAND [ARGS…]         examine a local server, which preship starts with this command
  ${NAME} [options] https://HOST/mcp           examine a remote server
  ${NAME} lock [options] -- COMMAND [ARGS…]    write the tools and their accepted worst cases to the lock file
  ${NAME} verify [options] -- COMMAND [ARGS…]  compare the server with the lock file, without calling a tool
  ${NAME} explain [CODE]                       explain one finding code, or list all of them
  ${NAME} --help
  ${NAME} --version

Connection:
  --env NAME=VALUE, --env NAME   set a variable for a local server, or pass on the one of this shell; can be repeated.
                                 Without it, the server gets only PATH, HOME and PRESHIP_RUN
  --token-file FILE              access token for a remote server; default: the variable PRESHIP_TOKEN
  --foreign-token-file FILE      token of the same provider for another server, which the server must reject
  --write-probes                 also call tools that write; use it only for a server in a sandbox
  --timeout SECONDS              time limit for the whole run; default: 120

Evidence:
  --audit FILE                   audit log of the server; preship looks for its own calls in it
  --source DIR                   source code of the server
  --manifest FILE                manifest by the owners of the server; default: preship.json, if it exists
  --lock FILE                    lock file; default: preship.lock.json, if it exists
  --beside LOCKFILE              lock file of another server that the same client uses; can be repeated

Report:
  --format FORMAT                terminal, json, sarif, junit or markdown; default: terminal
  --output FILE                  write the report to a file instead of standard output
  --fail-on SEVERITY             lowest severity that makes the run fail: error or warning; default: error
  --strict                       fail unless all eight questions are answered with “pass”
  --watch                        repeat the examination whenever the source code changes
  --quiet                        print no progress to standard error

Lock file:
  --worst-case TOOL=TEXT         set the worst case of a tool; TOOL alone accepts the text in the lock file
  --accept-by NAME               the person who accepts the worst cases

Exit codes: 0 passed · 1 failed · 2 invalid usage · 3 the server could not be examined · 130 interrupted
`
