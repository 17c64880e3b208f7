// A server whose name lists the variables in its environment.
import { answerTo, listen } from './speaking.mjs'

listen(message => {
  const answer = answerTo(message)
  if (message.method === 'initialize') answer.result.serverInfo.name = Object.keys(process.env).sort().join(' ')
  return answer
})
