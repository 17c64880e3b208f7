import { expect, it } from 'vitest'
import { redactSecrets } from './secret-like.ts'
import { nameOf } from './target.ts'

const SECRET = 'sesame-open-wide'

it.each([
  [`refused ${SECRET}, ${SECRET}`, 'refused …, …'],
  ['truncated: sesame-op…', 'truncated: …'],
  ['twice: sesame…, sesame-open…', 'twice: …, …'],
  ['a short prefix is kept: sesa…', 'a short prefix is kept: sesa…'],
  [`somebody else's ghp_${'a'.repeat(36)}`, "somebody else's …"],
  ['no secret here', 'no secret here'],
])('redacts %j to %j', (text, shown) => {
  expect(redactSecrets(text, [SECRET])).toBe(shown)
})

it('shows a command without the headers, tokens and passwords in it', () => {
  const args = ['--header', 'Authorization: Bearer abc=', 'X-Api-Key:abc', 'Accept: text/html', `ghp_${'a'.repeat(36)}`]
  expect(nameOf({ kind: 'stdio', program: 'a', args: [...args, 'C:\\a', 'https://u:p@host/'], env: {} })).toBe(
    'a --header Authorization: … X-Api-Key: … Accept: text/html … C:\\a https://…@host/',
  )
})
