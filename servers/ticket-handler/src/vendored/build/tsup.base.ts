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
  // A library on the way takes colours for its debug output if they are installed: here nothing is.
  esbuildPlugins: [
    {
      name: 'no-optional-colours',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^supports-color$/ }, ({ path }) => ({ path, namespace: 'nothing' }))
        onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {}' }))
      },
    },
  ],
  outExtension: () => ({ js: '.mjs' }),
  metafile: true,
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
})
