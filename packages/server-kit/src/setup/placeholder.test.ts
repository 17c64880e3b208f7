import { describe, expect, it } from 'vitest'
import { holdsPlaceholder, isPlaceholder, PLACEHOLDER_PROBLEM } from './placeholder.ts'

const PLACEHOLDERS = [
  '${user_config.api_url}',
  '${user_config.x}',
  '${input:api-key}',
  '${env:API_KEY}',
  '${API_KEY}',
  '${}',
  '$API_KEY',
  '$api_key',
  '$_x1',
  '%API_KEY%',
  '%_x1%',
  '{env:API_KEY}',
  '{env:}',
  ' $API_KEY ',
  '%API_KEY%\n',
  'https://${user_config.host}/v1',
  'https://${HOST}/v1',
  'https://{env:HOST}/v1',
  '${HOME}/drafts',
  'prefix-${user_config.x}-${user_config.y}',
  'Bearer {env:TOKEN}',
  'a\n${B}\nc',
]

/** A variable within a longer value: a secret can look like this, and a setting hardly. */
const INSERTED = ['https://$HOST/v1', '/home/$USER/drafts', '$HOME/drafts', 'a$API_KEY', '$API_KEY.', 'pa$$WORD', '$A}']

const SIMILAR = [
  '',
  'pa$$word',
  '50%',
  '100%%',
  '%20a%20',
  'a%20b',
  'a$b',
  'a$b$c',
  '$1',
  '$1A',
  '$',
  '$$',
  '%',
  '%%',
  '%1%',
  '%API KEY%',
  '%A%B%',
  'a%API_KEY%',
  '{a}',
  '{env}',
  '{ENV:A}',
  'env:A',
  '$ {A}',
  '${A',
  '{env:A',
  '#{A}',
  '{{A}}',
  'https://backend.example/%7Bid%7D',
  'nd_s3cret-Value_123',
]

describe('a value that a client should have replaced', () => {
  it.each(PLACEHOLDERS)('is recognised, in a secret and in a setting: %j', value => {
    expect([isPlaceholder(value), holdsPlaceholder(value)]).toEqual([true, true])
  })

  it.each(INSERTED)('is recognised in a setting alone: %j', value => {
    expect([isPlaceholder(value), holdsPlaceholder(value)]).toEqual([false, true])
  })

  it.each(SIMILAR)('is not what only looks similar: %j', value => {
    expect([isPlaceholder(value), holdsPlaceholder(value)]).toEqual([false, false])
  })

  it('is told in a message that completes the sentence “NAME …”', () => {
    expect(PLACEHOLDER_PROBLEM).toMatch(/^holds a placeholder that the MCP client did not replace/)
  })
})
