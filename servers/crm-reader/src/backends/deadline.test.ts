import { describeDeadline } from '@narrow-deputies/server-contract/copied'
import { within } from './deadline.ts'

describeDeadline(within)
