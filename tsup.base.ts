import { defineConfig } from 'tsup'

/**
 * How every server becomes one self-contained file: SDK, zod, pino and its own copy of the guardrails inside,
 * nothing to install beside it. The banner gives bundled CommonJS a `require`.
 */
export const oneFile = defineConfig({
  entry: { main: 'src/main.ts' },
  format: ['esm'],
  platform: 'node',
  target: 'node20',
  noExternal: [/.*/],
  splitting: false,
  minify: false,
  clean: true,
  outExtension: () => ({ js: '.js' }),
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
})
