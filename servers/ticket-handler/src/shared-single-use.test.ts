import { describeSharedSingleUse } from '@narrow-deputies/server-contract/copied'
import { connectSingleUse } from './shared-single-use.ts'

describeSharedSingleUse(connectSingleUse)
