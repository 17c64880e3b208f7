// Runs on the machine's own Node (20.11 or later) with nothing but npm beside it: fetches the pinned pnpm, and the
// pinned Node where the machine's own is older than the tools need, installs, and hands over.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@12.21.0'
const NODE_VERSION = '24.21.0'
/** The oldest Node that the tools and the embedded backend run on. The servers themselves run on 20.11. */
const TOOLS_NEED = [24, 11]

const BUILD = 'node node_modules/turbo/bin/turbo run build --output-logs=errors-only'
const TASKS = {
  start: `${BUILD} && node packages/demo-stack/src/start.ts`,
  demo: `${BUILD} && node packages/demo-stack/src/demo.ts`,
  test: `${BUILD} && node node_modules/vitest/vitest.mjs run`,
}

const [task, ...rest] = process.argv.slice(2)
// What is passed on goes through a shell: plain words only.
if (!Object.hasOwn(TASKS, task ?? '') || !rest.every(word => /^[\w./:=@-]+$/.test(word))) {
  process.stderr.write(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')} [arguments]\n`)
  process.exit(2)
}

process.stderr.write('Setting up (the first time takes about half a minute) …\n')
const packages = [PNPM, ...nodePackage()].flatMap(name => ['-p', name])
const script = `pnpm install --frozen-lockfile --loglevel=warn && ${[TASKS[task], ...rest].join(' ')}`
const child = spawn('npx', ['--yes', ...packages, '-c', script], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: {
    ...process.env,
    // What is there already is not asked for again: a second run needs no network.
    NPM_CONFIG_PREFER_OFFLINE: 'true',
    NPM_CONFIG_UPDATE_NOTIFIER: 'false',
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  },
})
// Ctrl-C is how `start` is meant to end: what was started ends itself, and that is no failure.
let ended = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    ended = task === 'start'
    child.kill(signal)
  })
child.once('error', error => {
  process.stderr.write(`npx cannot be run: ${error.message}\n`)
  process.exit(1)
})
child.once('exit', code => process.exit(ended ? 0 : (code ?? 1)))

function nodePackage() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > TOOLS_NEED[0] || (major === TOOLS_NEED[0] && minor >= TOOLS_NEED[1])) return []
  const { platform, arch } = process
  const known = { linux: ['x64', 'arm64'], win32: ['x64'] }
  if (!known[platform]?.includes(arch)) {
    process.stderr.write(`On ${platform} ${arch}, please run this with Node ${TOOLS_NEED.join('.')} or later.\n`)
    process.exit(1)
  }
  return [`node-${platform === 'win32' ? 'win' : platform}-${arch}@${NODE_VERSION}`]
}
