import { describeRemoteServing } from '@narrow-deputies/server-contract'
import { subject } from './subject.ts'

describeRemoteServing(subject)
