import { describeSessionStore } from '@narrow-deputies/server-contract/copied'
import { createSessions } from './sessions.ts'

describeSessionStore(createSessions)
