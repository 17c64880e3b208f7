/** Starts a server: its settings, credentials, command line and `check`. */
export { backendVariables } from './common-variables.ts'
export { AbsolutePath, milliseconds } from './forms.ts'
export { type Described, variablesOf } from './help.ts'
export {
  ConfigError,
  type ConfigOf,
  defineSettings,
  givenBy,
  readSettings,
  type Settings,
  together,
} from './settings.ts'
export { start } from './start.ts'
export { optional, required, secret, withDefault } from './variable.ts'
