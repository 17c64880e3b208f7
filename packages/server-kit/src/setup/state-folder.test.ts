import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError } from './settings.ts'
import { stateFolder } from './state-folder.ts'

/** What the system says of this user. `own` is what the list of users has. */
const system = vi.hoisted(() => ({
  platform: 'linux' as NodeJS.Platform,
  home: undefined as string | Error | undefined,
  own: undefined as string | Error | undefined,
}))

vi.mock('node:os', async importOriginal => {
  const actual = await importOriginal<typeof import('node:os')>()
  return {
    ...actual,
    platform: () => system.platform,
    homedir: () => {
      if (system.home instanceof Error) throw system.home
      return system.home ?? actual.homedir()
    },
    userInfo: () => {
      if (system.own instanceof Error) throw system.own
      return { ...actual.userInfo(), ...(system.own !== undefined && { homedir: system.own }) }
    },
  }
})

beforeEach(() => Object.assign(system, { platform: 'linux', home: undefined, own: undefined }))

const BELOW_HOME = '.local/state/narrow-deputies/tiny'

describe('the folder for a server’s own files', () => {
  it('is in XDG_STATE_HOME, one for each server', () => {
    expect(stateFolder('tiny', { XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/tiny')
    expect(stateFolder('other', { XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/other')
  })

  it('is in the home folder if XDG_STATE_HOME is not set', () => {
    expect(stateFolder('tiny', {})).toBe(join(homedir(), BELOW_HOME))
    system.home = '/home/ann'
    expect(stateFolder('tiny', {})).toBe(join('/home/ann', BELOW_HOME))
  })

  it.each(['', '.', 'state', './state', '../state', '~/state', '${HOME}/state'])(
    'is not in a relative XDG_STATE_HOME, which counts as unset: %j',
    XDG_STATE_HOME => {
      system.home = '/home/ann'
      expect(stateFolder('tiny', { XDG_STATE_HOME })).toBe(join('/home/ann', BELOW_HOME))
    },
  )

  it.each(['', 'ann', './ann'])('is in the home folder of the list of users if HOME is %j', home => {
    Object.assign(system, { home, own: '/home/ann' })
    expect(stateFolder('tiny', {})).toBe(join('/home/ann', BELOW_HOME))
  })

  it('is absolute, whatever is set', () => {
    for (const home of ['', 'relative', new Error('no such user')])
      for (const own of ['', 'relative', '/home/ann', new Error('no such user')])
        for (const XDG_STATE_HOME of ['', 'relative', '/state']) {
          Object.assign(system, { home, own })
          const isAnyAbsolute = [own, XDG_STATE_HOME].some(path => typeof path === 'string' && isAbsolute(path))
          const find = () => stateFolder('tiny', { XDG_STATE_HOME })
          if (isAnyAbsolute) expect(isAbsolute(find())).toBe(true)
          else expect(find).toThrow(ConfigError)
        }
  })

  it('is asked for if there is no home folder', () => {
    const nobody = new Error('no such user')
    for (const home of ['', nobody]) {
      Object.assign(system, { home, own: nobody })
      expect(() => stateFolder('tiny', {})).toThrow(ConfigError)
      expect(() => stateFolder('tiny', {})).toThrow(/^AUDIT_FILE and AUDIT_KEY are required: /)
      expect(stateFolder('tiny', { XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/tiny')
    }
  })

  it('is in LOCALAPPDATA on Windows, and only there', () => {
    const given = { LOCALAPPDATA: '/local' }
    system.home = '/home/ann'
    expect(stateFolder('tiny', given)).toBe(join('/home/ann', BELOW_HOME))
    system.platform = 'win32'
    expect(stateFolder('tiny', given)).toBe('/local/narrow-deputies/tiny')
    expect(stateFolder('tiny', { ...given, XDG_STATE_HOME: '/state' })).toBe('/state/narrow-deputies/tiny')
    expect(stateFolder('tiny', {})).toBe(join('/home/ann', BELOW_HOME))
  })
})
