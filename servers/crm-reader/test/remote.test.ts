import { describeRemoteContract } from '@narrow-deputies/server-contract'
import { subject } from './subject.ts'

describeRemoteContract(subject)
