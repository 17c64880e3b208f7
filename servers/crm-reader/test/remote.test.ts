import { describeRemoteBriefly } from '@narrow-deputies/server-contract'
import { subject } from './subject.ts'

describeRemoteBriefly(subject)
