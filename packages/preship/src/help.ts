import manifest from '../package.json' with { type: 'json' }

export const NAME = 'preship'
export const VERSION: string = manifest.version

export const HELP = `${NAME} ${VERSION}: eight questions to an MCP server before it ships, answered with evidence.

  ${NAME} [options] -- COMMAND [ARGS…]         examine a local server, started by a command
  ${NAME} [options] https://HOST/mcp           examine a remote one
  ${NAME} lock [options] -- COMMAND [ARGS…]    write down what its tools are and what people decided about them
  ${NAME} verify [options] -- COMMAND [ARGS…]  compare it with the lock file and do nothing else: quick
  ${NAME} explain [CODE]                       what a finding means, or all of them
  ${NAME} --help
  ${NAME} --version

The server:
  --env NAME=VALUE, --env NAME   give it a variable, or pass this one on; it gets nothing else but PATH and HOME
  --token-file FILE              the access token for a remote server; or PRESHIP_TOKEN
  --foreign-token-file FILE      a token of the same provider for another server: it has to be refused
  --write-probes                 call tools that write, too: only for a server in a sandbox
  --timeout SECONDS              for everything                                             default 120

What else is known of it:
  --audit FILE                   its audit log, to find the probes in
  --source DIR                   its source code
  --manifest FILE                what its owner says of it                 default preship.json if it is there
  --lock FILE                    the lock file                        default preship.lock.json if it is there
  --beside LOCKFILE              of another server that a client has beside it; can be repeated

The result:
  --format FORMAT                terminal, json, sarif, junit or markdown                  default terminal
  --output FILE                  write it there instead of to standard output
  --fail-on SEVERITY             error or warning                                             default error
  --strict                       anything but eight times “pass” fails
  --watch                        again whenever the source changes
  --quiet                        no progress on standard error

Locking:
  --worst-case TOOL=TEXT         the worst that can come of a tool; TOOL alone: as the lock file says
  --accept-by NAME               who accepts that

Exit codes: 0 fine · 1 something was found that fails · 2 bad usage · 3 the server could not be examined · 130 Ctrl-C
`
