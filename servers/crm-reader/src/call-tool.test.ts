import { describeCalls } from '@narrow-deputies/server-contract/copied'
import { callTool } from './call-tool.ts'
import { CodedError } from './errors.ts'
import { defineTool } from './tool.ts'

describeCalls({ callTool, defineTool, CodedError, effects: ['read'] })
