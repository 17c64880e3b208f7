import { describeStdioTransport } from '@narrow-deputies/server-contract/copied'
import { createStdioTransport } from './stdio.ts'

describeStdioTransport(createStdioTransport)
