import { describeAskingCalls, describeCalls } from '@narrow-deputies/server-contract/copied'
import { callTool } from './call-tool.ts'
import { CodedError } from './errors.ts'
import { defineTool } from './tool.ts'

const copy = { callTool, defineTool, CodedError, effects: ['irreversible', 'reversible', 'read'] } as const

describeCalls(copy)
describeAskingCalls(copy)
