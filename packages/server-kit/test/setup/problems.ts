import { expect } from 'vitest'
import { ConfigError, type Given, readSettings, type Settings } from '../../src/setup/settings.ts'

/** Every problem that is found in what is given, a line each. */
export function problemsOf<Config>(settings: Settings<Config>, given: Given): string[] {
  return problemsIn(() => readSettings(settings, given))
}

/** The lines of the `ConfigError` that a call throws. None if it throws nothing. */
export function problemsIn(work: () => unknown): string[] {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message.split('\n')
  }
  return []
}
