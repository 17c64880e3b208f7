export { oneFile as default } from './src/vendored/build/tsup.base.ts'
