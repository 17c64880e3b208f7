import { describe, expect, it } from 'vitest'
import { isLoopback } from './loopback.ts'

describe('a host name', () => {
  it.each(['localhost', '127.0.0.1', '127.9.8.7', '127.255.255.254', '::1', '[::1]'])(
    'leads to this machine alone: %s',
    hostname => {
      expect(isLoopback(hostname)).toBe(true)
    },
  )

  it.each([
    '',
    '0.0.0.0',
    '::',
    '[::]',
    '::2',
    '[::2]',
    '::ffff:127.0.0.1',
    '10.0.0.1',
    '128.0.0.1',
    '1127.0.0.1',
    '127.0.0.1.evil.example',
    '127.0.0.1\n',
    'evil127.0.0.1',
    '127.0.0',
    '127.0.0.1.1',
    '127.0.0.0001',
    '127xx0xx0xx1',
    'localhost.evil.example',
    'evil-localhost',
    'localhost.',
  ])(`${verifies('P15')} can lead elsewhere: %j`, hostname => {
    expect(isLoopback(hostname)).toBe(false)
  })
})
