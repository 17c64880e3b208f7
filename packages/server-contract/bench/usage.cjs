// Preloaded into every measured server. On SIGUSR2 it prints the CPU time and memory of the process. Other processes
// could read the CPU time only in units of 10 ms, and only on Linux.
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage()
  process.stderr.write(`usage ${JSON.stringify({ cpuMs: (user + system) / 1000, rss: process.memoryUsage.rss() })}\n`)
})
