import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Program, recordsOf, runs, start, tempFolder, thrownBy } from '../../test/support.ts'
import { openAppendFile } from './append-file.ts'
import { openAuditLog } from './audit-log.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const UNAVAILABLE = 'AuditUnavailableError: the audit log cannot be written'
const key = parseAuditKey('a1'.repeat(32))

// Some tests replace a single call. All others reach the file system.
vi.mock(import('node:fs'), async importOriginal => {
  const fs = await importOriginal()
  const { closeSync, fdatasyncSync, ftruncateSync, writeSync } = fs
  return {
    ...fs,
    closeSync: vi.fn(closeSync),
    fdatasyncSync: vi.fn(fdatasyncSync),
    ftruncateSync: vi.fn(ftruncateSync),
    writeSync: vi.fn(writeSync) as unknown as typeof writeSync,
  }
})

const { writeSync: realWriteSync } = await vi.importActual<typeof import('node:fs')>('node:fs')

/** Makes the next write take only a few bytes. */
function writePartly(bytes: number): void {
  const partly = (fd: number, line: Buffer, offset: number): number => realWriteSync(fd, line, offset, bytes)
  vi.mocked(writeSync).mockImplementationOnce(partly as never)
}

function failNextWrite(code: string): void {
  vi.mocked(writeSync).mockImplementationOnce(() => {
    throw Object.assign(new Error(code), { code })
  })
}

describe('an append file', () => {
  beforeEach(() => void vi.clearAllMocks())

  const opened = (content = 'before\n') => {
    const path = join(tempFolder(), 'audit.jsonl')
    writeFileSync(path, content)
    return { path, file: openAppendFile(path), content: () => readFileSync(path, 'utf8') }
  }

  it('is created for its owner only', () => {
    const path = join(tempFolder(), 'audit.jsonl')
    openAppendFile(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('keeps what it contains, and ends with the lines that are appended', () => {
    const { file, content } = opened()
    file.append(Buffer.from('one\n'))
    file.append(Buffer.from('two é\n'))
    expect(content()).toBe('before\none\ntwo é\n')
  })

  it(`${verifies('P9')} gets the whole line if the system writes it in parts`, () => {
    const { file, content } = opened()
    for (const bytes of [1, 2, 3]) writePartly(bytes)
    file.append(Buffer.from('a whole line\n'))
    expect(content()).toBe('before\na whole line\n')
    expect(writeSync).toHaveBeenCalledTimes(4)
  })

  it(`${verifies('P8', 'P9')} is as before if only a part of the line could be written, and throws the system error`, () => {
    const { file, content } = opened()
    writePartly(5)
    failNextWrite('ENOSPC')
    expect(thrownBy(() => file.append(Buffer.from('a whole line\n')))).toMatchObject({ code: 'ENOSPC' })
    expect(content()).toBe('before\n')
    file.append(Buffer.from('another\n'))
    expect(content()).toBe('before\nanother\n')
  })

  it(`${verifies('P8')} is not cut if nothing of the line could be written`, () => {
    const { file, content } = opened()
    failNextWrite('EDQUOT')
    expect(thrownBy(() => file.append(Buffer.from('a line\n')))).toMatchObject({ code: 'EDQUOT' })
    expect(content()).toBe('before\n')
    expect(ftruncateSync).not.toHaveBeenCalled()
  })

  it(`${verifies('P8')} that is a device throws the system error of the write`, () => {
    const file = openAppendFile('/dev/null')
    writePartly(5)
    failNextWrite('ENOSPC')
    expect(thrownBy(() => file.append(Buffer.from('a whole line\n')))).toMatchObject({ code: 'ENOSPC' })
    expect(ftruncateSync).not.toHaveBeenCalled()
  })

  it(`${verifies('P9')} is flushed to the disk by sync`, () => {
    const { file } = opened()
    file.append(Buffer.from('a line\n'))
    expect(fdatasyncSync).not.toHaveBeenCalled()
    file.sync()
    expect(fdatasyncSync).toHaveBeenCalledTimes(1)
    expect(vi.mocked(fdatasyncSync).mock.calls[0]?.[0]).toBe(vi.mocked(writeSync).mock.calls[0]?.[0])
  })

  it(`${verifies('P8')} that cannot be flushed throws the system error`, () => {
    const { file } = opened()
    vi.mocked(fdatasyncSync).mockImplementationOnce(() => {
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    })
    expect(thrownBy(() => file.sync())).toMatchObject({ code: 'EIO' })
  })

  it('that is a device cannot be flushed, and need not be', () => {
    openAppendFile('/dev/null').sync()
    expect(fdatasyncSync).not.toHaveBeenCalled()
  })

  it(`${verifies('P8')} is no longer in place once it was deleted`, () => {
    const { file, path } = opened()
    file.assertInPlace()
    openAppendFile('/dev/null').assertInPlace()
    unlinkSync(path)
    expect(thrownBy(() => file.assertInPlace()).message).toBe('the audit file was removed while in use')
  })

  it('is closed once', () => {
    const { file } = opened()
    vi.mocked(closeSync).mockClear()
    file.append(Buffer.from('a line\n'))
    file.close()
    expect(vi.mocked(closeSync).mock.calls).toEqual([[vi.mocked(writeSync).mock.calls[0]?.[0]]])
  })
})

/** Appends until a record is refused. Returns the calls that were acknowledged. */
async function appendUntilRefused(writer: Program): Promise<string[]> {
  const acknowledged: string[] = []
  // If the limit does not work, the test fails instead of filling the disk.
  while (acknowledged.length < 1_000) {
    const callId = `a-${String(acknowledged.length).padStart(4, '0')}`
    const answer = await writer.ask(`append ${callId}`)
    if (answer !== 'done') {
      expect(answer).toBe(UNAVAILABLE)
      return acknowledged
    }
    acknowledged.push(callId)
  }
  throw new Error('no record was refused')
}

async function expectIntact(file: string): Promise<void> {
  expect((await verifyAudit(file, { keys: [key] })).findings).toEqual([])
}

const callsIn = (file: string): (string | undefined)[] =>
  recordsOf(file).flatMap(record => (record.callId === undefined ? [] : [record.callId]))

describe('a file-size limit', () => {
  const limited = async (file: string): Promise<Program> => {
    // A soft limit, which can be raised again.
    const writer = start(WRITER, { shell: 'ulimit -S -f 8; exec "$@"' })
    await writer.line()
    expect(await writer.ask(`open ${file}`)).toBe(file)
    return writer
  }
  const lift = (writer: Program): boolean => runs('prlimit', '--pid', String(writer.pid), '--fsize=unlimited:')

  it(`${verifies('P8', 'P9')} refuses a record that does not fit, leaves no part of it, and the next process can continue`, async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const writer = await limited(file)
    const acknowledged = await appendUntilRefused(writer)
    expect(acknowledged.length).toBeGreaterThan(3)
    for (let index = 0; index < 3; index += 1) expect(await writer.ask(`append b-000${index}`)).toBe(UNAVAILABLE)
    expect(readFileSync(file, 'utf8')).toMatch(/\}\n$/)
    expect(callsIn(file)).toEqual(acknowledged)
    await expectIntact(file)
    // SIGXFSZ, the signal for a file that is too large, did not end it.
    expect(await writer.finish()).toBe(0)

    const log = openAuditLog({ file, key, server: 'next' })
    expect(log.path).toBe(file)
    log.append({ event: 'intent', callId: 'next' })
    log.close()
    expect(callsIn(file)).toEqual([...acknowledged, 'next'])
    await expectIntact(file)
  })

  it(`${verifies('P8')} keeps reported records, and writes them once and in order after it is raised`, async context => {
    const file = join(tempFolder(), 'audit.jsonl')
    const writer = await limited(file)
    const acknowledged = await appendUntilRefused(writer)
    for (const callId of ['r-0001', 'r-0002', 'r-0003']) expect(await writer.ask(`report ${callId}`)).toBe(UNAVAILABLE)
    expect(await writer.ask('append a-lost')).toBe(UNAVAILABLE)
    expect(await writer.ask('report r-0004')).toBe(UNAVAILABLE)
    context.skip(!lift(writer), 'prlimit is missing')
    expect(await writer.ask('append b-0001')).toBe('done')
    expect(await writer.ask('report r-0005')).toBe('done')
    expect(await writer.ask('faults')).toBe('EFBIG: file too large, write; audit records can be written again')
    expect(await writer.ask('close')).toBe('done')
    expect(callsIn(file)).toEqual([...acknowledged, 'r-0001', 'r-0002', 'r-0003', 'r-0004', 'b-0001', 'r-0005'])
    await expectIntact(file)
  })

  it(`${verifies('P8')} lets flush write the kept records after it is raised`, async context => {
    const file = join(tempFolder(), 'audit.jsonl')
    const writer = await limited(file)
    const acknowledged = await appendUntilRefused(writer)
    expect(await writer.ask('report r-0001')).toBe(UNAVAILABLE)
    expect(await writer.ask('flush')).toBe(UNAVAILABLE)
    context.skip(!lift(writer), 'prlimit is missing')
    expect(await writer.ask('flush')).toBe('done')
    expect(callsIn(file)).toEqual([...acknowledged, 'r-0001'])
    await expectIntact(file)
    expect(await writer.ask('flush')).toBe('done')
    expect(callsIn(file)).toEqual([...acknowledged, 'r-0001'])
    expect(await writer.ask('close')).toBe('done')
    await expectIntact(file)
  })

  it(`${verifies('P8')} makes the log record how many records it could not keep`, async context => {
    const file = join(tempFolder(), 'audit.jsonl')
    const writer = await limited(file)
    const acknowledged = await appendUntilRefused(writer)
    expect(await writer.ask('flood 10050')).toBe('10050')
    context.skip(!lift(writer), 'prlimit is missing')
    expect(await writer.ask('append b-0001')).toBe('done')
    expect(await writer.ask('close')).toBe('done')
    const kept = Array.from({ length: 10_000 }, (_, index) => `flood-${index}`)
    expect(callsIn(file)).toEqual([...acknowledged, ...kept, 'b-0001'])
    expect(recordsOf(file).at(-3)).toMatchObject({ event: 'recovered', result: { unrecorded: 50 } })
    await expectIntact(file)
  })
})

describe('a full disk', () => {
  /** Mounts a small disk that only the program sees. It is gone when the program ends. */
  const onSmallDisk = (disk: string): Program | undefined => {
    const prefix = ['unshare', process.getuid?.() === 0 ? '-m' : '-rm']
    const mount = `mount -t tmpfs -o size=64k tmpfs '${disk}'`
    const [command = '', ...rest] = [...prefix, 'sh', '-c', mount]
    if (!runs(command, ...rest)) return undefined
    return start(WRITER, { prefix, shell: `${mount} && exec "$@"` })
  }
  const NO_MOUNT = 'no disk can be mounted here'

  it(`${verifies('P8', 'P9')} refuses records, and gets the kept ones once and in order when there is room again`, async context => {
    const folder = tempFolder()
    const disk = join(folder, 'disk')
    const copy = join(folder, 'copy.jsonl')
    mkdirSync(disk)
    const writer = onSmallDisk(disk)
    if (!writer) return context.skip(NO_MOUNT)
    await writer.line()
    const file = join(disk, 'audit.jsonl')
    expect(await writer.ask(`open ${file}`)).toBe(file)
    await writer.ask(`fill ${disk}/filler`)
    const acknowledged = await appendUntilRefused(writer)
    for (const callId of ['r-0001', 'r-0002', 'r-0003']) expect(await writer.ask(`report ${callId}`)).toBe(UNAVAILABLE)
    await writer.ask(`copy ${file} ${copy}`)
    expect(readFileSync(copy, 'utf8')).toMatch(/\}\n$/)
    expect(callsIn(copy)).toEqual(acknowledged)
    await writer.ask(`remove ${disk}/filler`)
    expect(await writer.ask('append b-0001')).toBe('done')
    expect(await writer.ask('faults')).toBe(
      'ENOSPC: no space left on device, write; audit records can be written again',
    )
    expect(await writer.ask('close')).toBe('done')
    await writer.ask(`copy ${file} ${copy}`)
    await writer.ask(`copy ${file}.head ${copy}.head`)
    expect(callsIn(copy)).toEqual([...acknowledged, 'r-0001', 'r-0002', 'r-0003', 'b-0001'])
    await expectIntact(copy)
  })

  it(`${verifies('P8')} at start-up lets a log open, which refuses records until there is room`, async context => {
    const folder = tempFolder()
    const disk = join(folder, 'disk')
    const copy = join(folder, 'copy.jsonl')
    mkdirSync(disk)
    const writer = onSmallDisk(disk)
    if (!writer) return context.skip(NO_MOUNT)
    await writer.line()
    const file = join(disk, 'audit.jsonl')
    // There is room for the lock only.
    await writer.ask(`put ${disk}/spare`)
    await writer.ask(`fill ${disk}/filler`)
    await writer.ask(`remove ${disk}/spare`)
    expect(await writer.ask(`open ${file}`)).toBe(file)
    expect(await writer.ask('append a-0001')).toBe(UNAVAILABLE)
    await writer.ask(`remove ${disk}/filler`)
    expect(await writer.ask('append a-0002')).toBe('done')
    expect(await writer.ask('close')).toBe('done')
    await writer.ask(`copy ${file} ${copy}`)
    await writer.ask(`copy ${file}.head ${copy}.head`)
    expect(recordsOf(copy).map(record => [record.event, record.callId])).toEqual([
      ['start', undefined],
      ['intent', 'a-0002'],
      ['stop', undefined],
    ])
    await expectIntact(copy)
  })

  it(`${verifies('P8')} without room for a lock leaves nothing behind`, async context => {
    const disk = join(tempFolder(), 'disk')
    mkdirSync(disk)
    const writer = onSmallDisk(disk)
    if (!writer) return context.skip(NO_MOUNT)
    await writer.line()
    await writer.ask(`fill ${disk}/filler`)
    expect(await writer.ask(`open ${disk}/audit.jsonl`)).toBe('Error: ENOSPC: no space left on device, write')
    expect(await writer.ask('append a-0001')).toBe('Error: no log is open')
    expect(await writer.ask(`list ${disk}`)).toBe('filler')
  })
})
