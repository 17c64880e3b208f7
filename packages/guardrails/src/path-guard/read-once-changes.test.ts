import {
  appendFileSync,
  type Dir,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { tempFolder, thrownBy } from '../../test/support.ts'
import { NotADraftError } from './errors.ts'
import { readOnce } from './read-once.ts'

type Step = 'lstatSync' | 'openSync' | 'fstatSync' | 'readSync' | 'opendirSync' | 'listing' | 'closeSync'

/** What the functions of node:fs do besides their work, from one read to the next. */
const system = vi.hoisted(() => ({
  /** The calls of the read, in order. */
  steps: [] as string[],
  /** What happens just before a call: `readSync` or, for the second such call, `readSync 2`. */
  before: {} as Record<string, () => void>,
  /** Whether the file system records change times. If they are coarse, they miss a change. */
  hasTimes: true,
  hasNoFollow: true,
  /** Whether the name leads to another device than the handle. */
  isElsewhere: false,
  bytesPerRead: 1_000,
  /** The last folder that was listed. */
  listing: undefined as Dir | undefined,
}))

vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const step = <T>(name: Step, work: () => T): T => {
    const count = system.steps.filter(other => other.split(' ')[0] === name).length + 1
    const key = count === 1 ? name : `${name} ${count}`
    system.steps.push(key)
    system.before[key]?.()
    return work()
  }
  const timed = <T extends { mtimeNs: bigint; ctimeNs: bigint }>(stats: T): T =>
    system.hasTimes ? stats : Object.assign(stats, { mtimeNs: 0n, ctimeNs: 0n })
  return {
    ...fs,
    constants: Object.create(fs.constants, {
      O_NOFOLLOW: { get: () => (system.hasNoFollow ? fs.constants.O_NOFOLLOW : undefined) },
    }),
    openSync: ((...args: Parameters<typeof fs.openSync>) => step('openSync', () => fs.openSync(...args))) as never,
    fstatSync: ((fd: number) => step('fstatSync', () => timed(fs.fstatSync(fd, { bigint: true })))) as never,
    lstatSync: ((path: string) =>
      step('lstatSync', () => {
        const stats = timed(fs.lstatSync(path, { bigint: true }))
        return system.isElsewhere ? Object.assign(stats, { dev: stats.dev + 1n }) : stats
      })) as never,
    readSync: ((fd: number, buffer: Buffer, offset: number, length: number, position: null) =>
      step('readSync', () =>
        fs.readSync(fd, buffer, offset, Math.min(length, system.bytesPerRead), position),
      )) as never,
    opendirSync: ((path: string) =>
      step('opendirSync', () => {
        const listing = fs.opendirSync(path)
        const { readSync } = listing
        system.listing = Object.assign(listing, { readSync: () => step('listing', () => readSync.call(listing)) })
        return system.listing
      })) as never,
    closeSync: ((fd: number) => step('closeSync', () => fs.closeSync(fd))) as never,
  }
})

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

/** In whole seconds, which the system stores exactly. */
const MODIFIED = 1_700_000_000

let folder: string
let path: string
let other: string

beforeEach(() => {
  folder = join(tempFolder(), 'drafts')
  mkdirSync(folder)
  path = join(folder, 'a.md')
  other = `${folder}.other`
  writeFileSync(path, 'a draft')
  utimesSync(path, MODIFIED, MODIFIED)
  writeFileSync(other, 'another')
  Object.assign(system, { before: {}, hasTimes: true, hasNoFollow: true, isElsewhere: false, bytesPerRead: 1_000 })
  system.steps.length = 0
})

function read(): string {
  system.steps.length = 0
  return readOnce(path, 'a.md', 100).bytes.toString()
}

function refusal(): string {
  const error = thrownBy(read)
  expect(error).toBeInstanceOf(NotADraftError)
  // Whatever happens, the handle is closed.
  const opened = system.steps.includes('fstatSync')
  expect(system.steps.filter(step => step.startsWith('closeSync'))).toHaveLength(opened ? 1 : 0)
  return (error as NotADraftError).reason
}

it('a read has these steps', () => {
  expect(read()).toBe('a draft')
  const steps = [
    'openSync',
    'fstatSync',
    'readSync',
    'readSync 2',
    'opendirSync',
    'listing',
    'lstatSync',
    'fstatSync 2',
  ]
  expect(system.steps).toEqual([...steps, 'closeSync'])
  // It is closed.
  expect(() => system.listing?.readSync()).toThrow(expect.objectContaining({ code: 'ERR_DIR_CLOSED' }))
})

it(`${verifies('P3')} a link is not opened`, () => {
  rmSync(path)
  symlinkSync(other, path)
  expect(refusal()).toBe('not-a-regular-file')
  expect(system.steps).toEqual(['openSync'])
})

describe('a file that changes between two steps of a read', () => {
  const changes: Record<string, () => void> = {
    'is overwritten': () => writeFileSync(path, 'A DRAFT'),
    'is overwritten, and its modification time set back': () => {
      writeFileSync(path, 'A DRAFT')
      utimesSync(path, MODIFIED, MODIFIED)
    },
    grows: () => appendFileSync(path, '!'),
    shrinks: () => truncateSync(path, 3),
    'gets a second name': () => linkSync(path, `${folder}.link`),
    'is replaced': () => renameSync(other, path),
  }
  const steps = ['readSync', 'readSync 2', 'opendirSync', 'listing', 'lstatSync', 'fstatSync 2']

  for (const step of steps)
    it.each(Object.entries(changes))(`${verifies('P3')} is refused if, before ${step}, it %s`, (_, change) => {
      system.before[step] = change
      expect(refusal()).toBe('changed-while-reading')
    })

  it.each(steps.slice(0, -1))(`${verifies('P3')} is refused if, before %s, a link takes its place`, step => {
    system.before[step] = () => {
      renameSync(path, `${folder}.aside`)
      symlinkSync(`${folder}.aside`, path)
    }
    expect(refusal()).toBe('not-a-regular-file')
  })

  it.each(steps.slice(0, -1))(`${verifies('P3')} is missing if, before %s, it is removed`, step => {
    system.before[step] = () => rmSync(path)
    expect(refusal()).toBe('missing')
  })
})

describe('a file that changes on a file system that records no change times', () => {
  beforeEach(() => {
    system.hasTimes = false
  })

  it(`${verifies('P3')} is refused if it was longer while it was read`, () => {
    system.before.readSync = () => appendFileSync(path, '!')
    system.before.opendirSync = () => truncateSync(path, 7)
    expect(refusal()).toBe('changed-while-reading')
  })

  it(`${verifies('P3')} is refused if it was shorter while it was read`, () => {
    system.before.readSync = () => truncateSync(path, 3)
    system.before.opendirSync = () => appendFileSync(path, 'raft')
    expect(refusal()).toBe('changed-while-reading')
  })

  it(`${verifies('P3')} is refused if it is moved away, and another takes its place`, () => {
    system.before.opendirSync = () => {
      renameSync(path, `${folder}.aside`)
      renameSync(other, path)
    }
    expect(refusal()).toBe('changed-while-reading')
  })

  it(`${verifies('P3')} is refused if it has a second name, however briefly`, () => {
    const link = `${folder}.link`
    system.before.lstatSync = () => linkSync(path, link)
    system.before['fstatSync 2'] = () => unlinkSync(link)
    expect(refusal()).toBe('changed-while-reading')
    rmSync(link, { force: true })
    system.before = { 'fstatSync 2': () => linkSync(path, link) }
    expect(refusal()).toBe('changed-while-reading')
  })

  it(`${verifies('P3')} is refused if its name leads to a file with the same number on another device`, () => {
    system.isElsewhere = true
    expect(refusal()).toBe('changed-while-reading')
  })
})

describe('a system without O_NOFOLLOW', () => {
  beforeEach(() => {
    system.hasNoFollow = false
  })

  it('reads a file', () => {
    expect(read()).toBe('a draft')
  })

  it(`${verifies('P3')} does not open a link`, () => {
    rmSync(path)
    symlinkSync(other, path)
    expect(refusal()).toBe('not-a-regular-file')
    expect(system.steps).toEqual(['lstatSync'])
  })

  it.each<[string, () => void]>([
    ['another file takes its place', () => renameSync(other, path)],
    [
      'a link takes its place',
      () => {
        rmSync(path)
        symlinkSync(other, path)
      },
    ],
  ])(`${verifies('P3')} refuses a file if %s before it is opened`, (_, swap) => {
    system.before.openSync = swap
    expect(refusal()).toBe('changed-while-reading')
    expect(system.steps).not.toContain('readSync')
  })

  it(`${verifies('P3')} refuses a file with the same number on another device`, () => {
    system.isElsewhere = true
    expect(refusal()).toBe('changed-while-reading')
    expect(system.steps).not.toContain('readSync')
  })
})

describe('a system call', () => {
  it('that reads only a part is repeated', () => {
    system.bytesPerRead = 3
    expect(read()).toBe('a draft')
    expect(system.steps.filter(step => step.startsWith('readSync'))).toHaveLength(4)
  })

  it.each(['ELOOP', 'EMLINK', 'ENXIO', 'ENODEV'])(
    `${verifies('P3')} that opens and fails with %s refuses what is not a regular file`,
    code => {
      system.before.openSync = failing(code)
      expect(refusal()).toBe('not-a-regular-file')
    },
  )

  it.each(['EACCES', 'EPERM', 'EMFILE', 'EIO'])('that fails with %s makes a draft unreadable', code => {
    for (const step of ['openSync', 'readSync', 'readSync 2', 'opendirSync', 'listing', 'lstatSync']) {
      system.before = { [step]: failing(code) }
      expect([step, refusal()]).toEqual([step, 'unreadable'])
    }
  })
})
