import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const PROJECTS = [
  'scripts',
  'packages/guardrails',
  'packages/server-kit',
  'packages/demo-stack',
  'packages/server-contract',
  'packages/preship',
  'servers/blog-publisher',
  'servers/crm-reader',
  'servers/ticket-handler',
]

export default defineConfig({
  test: {
    projects: PROJECTS.map(dir => ({
      test: {
        name: dir,
        root: `./${dir}`,
        include: ['**/*.test.ts'],
        exclude: ['**/node_modules/**', '**/dist/**', '**/vendored/**'],
        setupFiles: [fileURLToPath(new URL('scripts/verifies.ts', import.meta.url))],
        testTimeout: 60_000,
        hookTimeout: 60_000,
      },
    })),
    // The suites mostly wait for processes and sockets. By default, two cores would run one file at a time.
    maxWorkers: 2,
    reporters: ['default', './scripts/closing-line.ts'],
  },
})
