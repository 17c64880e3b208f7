import { describeServerContract } from '@narrow-deputies/server-contract'
import { subject } from './subject.ts'

describeServerContract(subject)
