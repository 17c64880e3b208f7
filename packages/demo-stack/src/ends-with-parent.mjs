// Loaded into a server that npm start runs: standard input comes from the parent, and ends with it, however that ends.
process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'))
process.stdin.unref?.()
