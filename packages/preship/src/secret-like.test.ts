import { expect, it } from 'vitest'
import { withoutSecrets } from './secret-like.ts'
import { nameOf } from './target.ts'

const SECRET = 'sesame-open-wide'

it.each([
  [`refused ${SECRET}, ${SECRET}`, 'refused …, …'],
  ['it was cut: sesame-op…', 'it was cut: …'],
  ['twice: sesame…, sesame-open…', 'twice: …, …'],
  ['a seed is no secret: sesa…', 'a seed is no secret: sesa…'],
  [`somebody else's ghp_${'a'.repeat(36)}`, "somebody else's …"],
  ['nothing of the kind', 'nothing of the kind'],
])('of %j, %j is shown', (text, shown) => {
  expect(withoutSecrets(text, [SECRET])).toBe(shown)
})

it('a command is named without the headers and tokens in it', () => {
  const args = ['--header', 'Authorization: Bearer abc=', 'X-Api-Key:abc', 'Accept: text/html', `ghp_${'a'.repeat(36)}`]
  expect(nameOf({ kind: 'stdio', program: 'a', args: [...args, 'C:\\a', 'https://u:p@host/'], env: {} })).toBe(
    'a --header Authorization: … X-Api-Key: … Accept: text/html … C:\\a https://…@host/',
  )
})
