import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the last line. A test file that cannot be loaded counts as one failed test. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    for (const module of modules) {
      const before = failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        else if (state === 'failed') failed += 1
        else skipped += 1
      }
      if (module.state() === 'failed' && failed === before) failed += 1
    }
    const line = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`
    // On exit, so that it comes after the summary of the default reporter.
    process.once('exit', () => process.stdout.write(`\n${line}\n`))
  }
}
