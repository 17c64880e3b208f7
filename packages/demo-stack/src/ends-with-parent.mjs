// Loaded into the servers that npm start runs. Their stdin is a pipe from the parent process, so it ends when the
// parent ends for whatever reason, and then the server stops too.
process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'))
process.stdin.unref?.()
