/** Registers tools with the MCP SDK. */
export {
  type ConfirmableRequest,
  type Confirmations,
  createServerFactory,
  type Era,
  openLedger,
  type ServerOptions,
} from './registration.ts'
