export { describeDeadline } from './deadline.ts'
