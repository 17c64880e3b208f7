import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Program, recordsOf, runs, start, tempFolder } from '../../test/support.ts'
import { openAuditLog } from './audit-log.ts'
import { parseAuditKey } from './key.ts'
import { verifyAudit } from './verify.ts'

const WRITER = new URL('../../test/writer.ts', import.meta.url)
const UNAVAILABLE = 'AuditUnavailableError: the audit log cannot be written'
const key = parseAuditKey('a1'.repeat(32))

/** Appends until that is refused: the calls that were acknowledged. */
async function appendUntilRefused(writer: Program): Promise<string[]> {
  const acknowledged: string[] = []
  // A limit that does not hold must fail the test, not fill the disk.
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
    // Lower than what is allowed at most, so that it can be raised again.
    const writer = start(WRITER, { shell: 'ulimit -S -f 8; exec "$@"' })
    await writer.line()
    expect(await writer.ask(`open ${file}`)).toBe(file)
    return writer
  }
  const lift = (writer: Program): boolean => runs('prlimit', '--pid', String(writer.pid), '--fsize=unlimited:')

  it(`${verifies('P8', 'P9')} refuses the record that does not fit, leaves no part of it, and lets the next process go on`, async () => {
    const file = join(tempFolder(), 'audit.jsonl')
    const writer = await limited(file)
    const acknowledged = await appendUntilRefused(writer)
    expect(acknowledged.length).toBeGreaterThan(3)
    for (let index = 0; index < 3; index += 1) expect(await writer.ask(`append b-000${index}`)).toBe(UNAVAILABLE)
    expect(readFileSync(file, 'utf8')).toMatch(/\}\n$/)
    expect(callsIn(file)).toEqual(acknowledged)
    await expectIntact(file)
    // Not ended by the system's signal for a file that is too large.
    expect(await writer.finish()).toBe(0)

    const log = openAuditLog({ file, key, server: 'next' })
    expect(log.path).toBe(file)
    log.append({ event: 'intent', callId: 'next' })
    log.close()
    expect(callsIn(file)).toEqual([...acknowledged, 'next'])
    await expectIntact(file)
  })

  it(`${verifies('P8')} keeps what has happened, and writes it in order and once when the limit is raised`, async context => {
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

  it(`${verifies('P8')} lets what was kept be written without a new record`, async context => {
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

  it(`${verifies('P8')} says on record how many records were more than can be kept`, async context => {
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
  /** A small disk that only the program sees, and that is gone with it. */
  const onSmallDisk = (disk: string): Program | undefined => {
    const prefix = ['unshare', process.getuid?.() === 0 ? '-m' : '-rm']
    const mount = `mount -t tmpfs -o size=64k tmpfs '${disk}'`
    const [command = '', ...rest] = [...prefix, 'sh', '-c', mount]
    if (!runs(command, ...rest)) return undefined
    return start(WRITER, { prefix, shell: `${mount} && exec "$@"` })
  }
  const WITHOUT = 'no disk can be mounted here'

  it(`${verifies('P8', 'P9')} refuses records, and takes them in order and once when there is room again`, async context => {
    const folder = tempFolder()
    const disk = join(folder, 'disk')
    const copy = join(folder, 'copy.jsonl')
    mkdirSync(disk)
    const writer = onSmallDisk(disk)
    if (!writer) return context.skip(WITHOUT)
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

  it(`${verifies('P8')} at the start lets a log open that refuses records until there is room`, async context => {
    const folder = tempFolder()
    const disk = join(folder, 'disk')
    const copy = join(folder, 'copy.jsonl')
    mkdirSync(disk)
    const writer = onSmallDisk(disk)
    if (!writer) return context.skip(WITHOUT)
    await writer.line()
    const file = join(disk, 'audit.jsonl')
    // Room for the lock, and for nothing else.
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
    if (!writer) return context.skip(WITHOUT)
    await writer.line()
    await writer.ask(`fill ${disk}/filler`)
    expect(await writer.ask(`open ${disk}/audit.jsonl`)).toBe('Error: ENOSPC: no space left on device, write')
    expect(await writer.ask('append a-0001')).toBe('Error: no log is open')
    expect(await writer.ask(`list ${disk}`)).toBe('filler')
  })
})
