import { describeConfirmations } from '@narrow-deputies/server-contract/copied'
import { createConfirmations } from './confirm.ts'
import { createSingleUse } from './single-use.ts'

describeConfirmations({ createConfirmations, createSingleUse })
