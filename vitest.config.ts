import { defineConfig } from 'vitest/config'

const PROJECTS = [
  'packages/guardrails',
  'packages/demo-stack',
  'packages/server-contract',
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
        setupFiles: ['../../scripts/verifies.ts'],
        testTimeout: 60_000,
        hookTimeout: 60_000,
      },
    })),
    reporters: ['default', './scripts/closing-line.ts'],
  },
})
