import { describeSingleUse } from '@narrow-deputies/server-contract/copied'
import { createSingleUse } from './single-use.ts'

describeSingleUse(createSingleUse)
