import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { problemsOfVendoring } from './check.ts'
import { KIT_FOLDERS } from './kit.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('this repository', () => {
  it(`${verifies('P13')} has in each server the files that the server vendored, and no others`, () => {
    expect(problemsOfVendoring(ROOT)).toEqual([])
  })

  it('vendors every folder of the kit', () => {
    const rooms = readdirSync(join(ROOT, 'packages/server-kit/src')).map(name => `packages/server-kit/src/${name}`)
    expect(rooms.filter(room => !Object.hasOwn(KIT_FOLDERS, room))).toEqual([])
  })
})
