// Runs a task on a machine that has only Node 20.11 or later and npm. Gets the pinned pnpm with npx, and also the
// pinned Node if the installed one is too old for the tools. Then installs the dependencies, builds and runs the task.
import { spawn, spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@12.21.0'
const NODE_VERSION = '24.21.0'
/** The oldest Node version for the tools and the embedded backend. The servers themselves need 20.11. */
const OLDEST_NODE = [24, 11]

const BUILD = 'node scripts/bootstrap.mjs --build'
const TASKS = {
  start: `${BUILD} && node packages/demo-stack/src/start.ts`,
  demo: `${BUILD} && node packages/demo-stack/src/demo.ts`,
  test: `${BUILD} && node node_modules/vitest/vitest.mjs run`,
}

const [task, ...rest] = process.argv.slice(2)
if (task === '--build') process.exit(build())
// The arguments are passed to a shell, so only safe characters are allowed.
if (!Object.hasOwn(TASKS, task ?? '') || !rest.every(word => /^[\w./:=@-]+$/.test(word))) {
  process.stderr.write(`Usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')} [arguments]\n`)
  process.exit(2)
}

process.stderr.write('Installing dependencies and building (about half a minute the first time) …\n')
const packages = [PNPM, ...nodePackage()].flatMap(name => ['-p', name])
const script = `pnpm install --frozen-lockfile --loglevel=warn && ${[TASKS[task], ...rest].join(' ')}`
const child = spawn('npx', ['--yes', ...packages, '-c', script], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: {
    ...process.env,
    // Uses the npm cache, so that a second run needs no network.
    NPM_CONFIG_PREFER_OFFLINE: 'true',
    NPM_CONFIG_UPDATE_NOTIFIER: 'false',
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  },
})
// Ctrl-C is the normal way to stop `start`, so the exit code is 0 then.
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    interrupted = task === 'start'
    child.kill(signal)
  })
child.once('error', error => {
  process.stderr.write(`Could not run npx: ${error.message}\n`)
  process.exit(1)
})
child.once('exit', code => process.exit(interrupted ? 0 : (code ?? 1)))

/** Builds, and prints the output of the build only if it fails. Returns the exit code. */
function build() {
  const args = ['node_modules/turbo/bin/turbo', 'run', 'build', '--output-logs=errors-only']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (status !== 0) process.stderr.write(`${stdout}${stderr}`)
  return status ?? 1
}

function nodePackage() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return []
  const { platform, arch } = process
  const known = { linux: ['x64', 'arm64'], win32: ['x64'] }
  if (!known[platform]?.includes(arch)) {
    process.stderr.write(`On ${platform} ${arch}, this command needs Node ${OLDEST_NODE.join('.')} or later.\n`)
    process.exit(1)
  }
  return [`node-${platform === 'win32' ? 'win' : platform}-${arch}@${NODE_VERSION}`]
}
