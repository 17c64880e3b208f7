import { start } from '../../src/setup/start.ts'
import { tinyServer } from './tiny-server.ts'

await start(tinyServer)
