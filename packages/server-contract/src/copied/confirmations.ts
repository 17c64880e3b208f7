import { describeAnswers } from './confirm/answers.ts'
import { describeEarlierEra } from './confirm/earlier-era.ts'
import { describeLaterEra } from './confirm/later-era.ts'
import type { Copy } from './confirm/question.ts'

/** What every copy of `confirm.ts` has to prove. */
export function describeConfirmations(copy: Copy): void {
  describeLaterEra(copy)
  describeAnswers(copy)
  describeEarlierEra(copy)
}
