import { linkSync, mkdirSync, renameSync, statSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditRecord } from '@narrow-deputies/guardrails/audit'
import {
  CLIENT_KINDS,
  CLIENT_LINES,
  endOf,
  errorCodeOf,
  type Message,
  questionOf,
  type RunningServer,
  type Session,
  YES,
} from '@narrow-deputies/server-contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPublisher, type Publisher, publisher, sha256, tempFolder, yes } from './publisher.ts'

const DRAFT = '---\ntitle: "A quiet week"\n---\n\nThree words, and these: naïve façade.\n'

/** Each test has its own draft: `week 7.md`, with the slug `week-7`. */
let week = 0
let filename = ''
let slug = ''

beforeEach(() => {
  week += 1
  filename = `week ${week}.md`
  slug = `week-${week}`
})

/** There is no intent, and the backend has received no request. */
function expectNothingDone(world: Publisher, records: () => AuditRecord[]): void {
  expect(world.backend.requests()).toEqual([])
  expect(records().filter(({ event }) => event === 'intent' || event === 'outcome')).toEqual([])
}

describe.each(CLIENT_KINDS)('a confirmation through a %s', kind => {
  let world: Publisher
  let session: Session
  let person: (question: string) => unknown

  beforeAll(async () => {
    world = await openPublisher()
    session = await world.open(kind, question => person(question))
  })
  afterAll(() => world.close())
  beforeEach(() => {
    person = yes
    world.write(filename, DRAFT)
    world.backend.clearRequests()
  })

  it(`${verifies('P12')} shows title, filename, number of words and SHA-256, and by a yes publishes those bytes once`, async () => {
    const shown: string[] = []
    person = question => {
      shown.push(question)
      // The backend receives nothing before the answer.
      expect(world.backend.requests()).toEqual([])
      return YES
    }
    const end = await session.call('publishDraft', { filename })

    expect(shown).toEqual([
      `Publish “A quiet week” (${filename}, 10 words) to the live blog?\n\nSHA-256 ${sha256(DRAFT)}`,
    ])
    expect(end).toMatchObject({ code: undefined, data: { sha256: sha256(DRAFT), alreadyPublished: false } })
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
    const article = world.backend.articles().find(live => live.slug === slug)
    expect(Buffer.from(article?.markdown ?? '')).toEqual(Buffer.from(DRAFT))
    expect(world.backend.requests().map(({ method, route, status }) => [method, route, status])).toEqual([
      ['POST', '/blog/v1/articles', 201],
    ])
  })

  it(`${verifies('P12', 'P7')} is recorded with the intent and the outcome under one trace`, async () => {
    const records = world.recordsFromNow()
    await session.call('publishDraft', { filename })

    const [asked, intent, outcome, ...others] = records()
    expect(others).toEqual([])
    expect(asked).toMatchObject({ event: 'confirm', confirmation: 'none' })
    expect(intent).toMatchObject({ event: 'intent', confirmation: 'elicited', args: { filename } })
    expect(outcome).toMatchObject({ event: 'outcome', confirmation: 'elicited', callId: intent?.callId })
    const traceId = asked?.trace?.traceId
    expect([intent?.trace?.traceId, outcome?.trace?.traceId]).toEqual([traceId, traceId])
    // In the modern era the request ends the call, and the answer comes in a second call.
    const isTwoCalls = kind === 'modern wire' || kind === 'v2 client'
    expect(asked?.callId === intent?.callId).toBe(!isTwoCalls)
    expect(asked?.durationMs !== undefined).toBe(isTwoCalls)
    const [posted] = world.backend.requests()
    expect(posted?.requestId).toBe(intent?.callId)
    expect(posted?.traceparent).toContain(traceId)
    expect(await world.trail.verify()).toMatchObject({ ok: true })
  })

  it(`${verifies('P12')} keeps the caller’s trace in every record and in the request to the backend`, async () => {
    const records = world.recordsFromNow()
    const traceId = 'c0ffee'.padEnd(32, '7')
    await session.call('publishDraft', { filename }, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
    expect(records().map(({ trace }) => trace)).toEqual(
      Array(3).fill({ traceId, parentId: '00f067aa0ba902b7', source: 'claimed' }),
    )
    expect(world.backend.requests()[0]?.traceparent).toContain(traceId)
  })

  it.each([
    ['a decline', { action: 'decline' }],
    ['a decline with confirm: true', { action: 'decline', content: { confirm: true } }],
    ['a cancel', { action: 'cancel' }],
    ['an accept with confirm: false', { action: 'accept', content: { confirm: false } }],
    ['an accept with the string "true"', { action: 'accept', content: { confirm: 'true' } }],
    ['an accept with the number 1', { action: 'accept', content: { confirm: 1 } }],
    ['an accept without content', { action: 'accept' }],
    ['an accept with empty content', { action: 'accept', content: {} }],
    ['an accept with other fields', { action: 'accept', content: { confirmed: true, Confirm: true } }],
  ])(`${verifies('P12')} publishes nothing after %s`, async (_, reply) => {
    const records = world.recordsFromNow()
    let asked = 0
    person = () => {
      asked += 1
      return reply
    }
    const end = await session.call('publishDraft', { filename })
    expect(asked).toBe(1)
    expect(end.code).toBe('CONFIRMATION_DECLINED')
    expectNothingDone(world, records)
    expect(records().map(({ event }) => event)).toEqual(['confirm', 'denied'])
    expect(records()[1]).toMatchObject({ error: { code: 'CONFIRMATION_DECLINED' }, confirmation: 'declined' })
    expect(records()[1]?.trace?.traceId).toBe(records()[0]?.trace?.traceId)
  })

  it(`${verifies('P12', 'P3')} is invalid if the draft was edited meanwhile, even with the same length and time`, async () => {
    const records = world.recordsFromNow()
    const file = join(world.drafts, filename)
    person = () => {
      const { atime, mtime } = statSync(file)

      writeFileSync(file, DRAFT.replace('Three', 'Seven'))
      utimesSync(file, atime, mtime)
      return YES
    }
    const end = await session.call('publishDraft', { filename })
    expect(end.code).toBe('CONFIRMATION_INVALID')
    expectNothingDone(world, records)
    expect(records().map(({ event }) => event)).toEqual(['confirm', 'denied'])
  })

  it.each<[string, (file: string, elsewhere: string) => void]>([
    ['removed', file => unlinkSync(file)],
    [
      'replaced by a symlink to the same bytes',
      (file, elsewhere) => {
        renameSync(file, elsewhere)
        symlinkSync(elsewhere, file)
      },
    ],
    ['hard-linked elsewhere', (file, elsewhere) => linkSync(file, elsewhere)],
    [
      'replaced by a folder',
      file => {
        unlinkSync(file)
        mkdirSync(file)
      },
    ],
    ['made too large', file => writeFileSync(file, Buffer.alloc(1024 * 1024 + 1, 'a'))],
    ['replaced by bytes that are not text', file => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x41]))],
    ['accompanied by another spelling of its name', file => writeFileSync(file.replace('é', 'e\u0301'), DRAFT)],
  ])(`${verifies('P12', 'P3')} is invalid if the draft was meanwhile %s`, async (_, change) => {
    const records = world.recordsFromNow()
    const name = `é${filename}`
    world.write(name, DRAFT)
    const elsewhere = join(tempFolder(), 'elsewhere.md')
    person = () => {
      change(join(world.drafts, name), elsewhere)
      return YES
    }
    const end = await session.call('publishDraft', { filename: name })
    expect(end.code).toBe('NOT_A_DRAFT')
    expect(end.text).not.toContain(world.drafts)
    expectNothingDone(world, records)
    expect(records().at(-1)).toMatchObject({ event: 'denied', error: { code: 'NOT_A_DRAFT' } })
  })
})

describe.each(CLIENT_KINDS)('a draft without a confirmation, through a %s', kind => {
  it(`${verifies('P12')} is not published if the client has no elicitation`, async () => {
    const world = await publisher()
    world.write(filename, DRAFT)
    const records = world.recordsFromNow()
    const session = await world.open(kind)
    const end = await session.call('publishDraft', { filename })
    expect(end.code).toBe('CONFIRMATION_UNAVAILABLE')
    expectNothingDone(world, records)
    expect(records()).toMatchObject([{ event: 'denied', confirmation: 'none' }])
  })

  it(`${verifies('P12')} is published if the operator relies on the description, which is recorded`, async () => {
    const world = await publisher({ BLOG_CONFIRM: 'description' })
    world.write(filename, DRAFT)
    const records = world.recordsFromNow()
    const session = await world.open(kind, () => {
      throw new Error('the server must not ask for a confirmation')
    })
    const end = await session.call('publishDraft', { filename })
    expect(end.code).toBeUndefined()
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
    expect(records().map(({ event, confirmation }) => [event, confirmation])).toEqual([
      ['intent', 'waived'],
      ['outcome', 'waived'],
    ])
  })
})

describe('publishing again', () => {
  let world: Publisher
  let session: Session

  beforeAll(async () => {
    world = await openPublisher()
    session = await world.open('modern wire', yes)
  })
  afterAll(() => world.close())
  beforeEach(() => void world.write(filename, DRAFT))

  it('reports the same bytes as already published, and creates no second article', async () => {
    const first = await session.call('publishDraft', { filename })
    const second = await session.call('publishDraft', { filename })
    expect(first.data).toMatchObject({ alreadyPublished: false })
    expect(second.data).toEqual({ ...first.data, alreadyPublished: true })
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
  })

  it('refuses other bytes under the name of a live post, and does not change the post', async () => {
    await session.call('publishDraft', { filename })
    const before = world.backend.articles()
    const records = world.recordsFromNow()
    world.write(filename, `${DRAFT}\nOne more line.\n`)
    const end = await session.call('publishDraft', { filename })
    expect(end.code).toBe('BACKEND_REFUSED')
    expect(end.text).toContain('admin')
    expect(world.backend.articles()).toEqual(before)
    expect(records().at(-1)).toMatchObject({ event: 'outcome', error: { code: 'BACKEND_REFUSED' } })
  })

  it('refuses another draft with the same slug, unless it has the same bytes', async () => {
    world.write(`Week-${week}.md`, DRAFT)
    world.write(`week (${week}).md`, 'Something else.\n')
    await session.call('publishDraft', { filename })
    const same = await session.call('publishDraft', { filename: `Week-${week}.md` })
    const other = await session.call('publishDraft', { filename: `week (${week}).md` })
    expect(same.data).toMatchObject({ alreadyPublished: true })
    expect(other.code).toBe('BACKEND_REFUSED')
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
  })
})

describe.each(['legacy', 'modern'] as const)('a client with declared capabilities (%s era)', era => {
  let world: Publisher

  beforeAll(async () => {
    world = await openPublisher()
  })
  afterAll(() => world.close())
  beforeEach(() => {
    world.write(filename, DRAFT)
    world.backend.clearRequests()
  })

  it.each([{ elicitation: { url: {} } }, { sampling: {}, roots: {} }])(
    `${verifies('P12')} is refused if they are %j`,
    async capabilities => {
      const server = await world.start(era, yes, capabilities)
      const end = endOf(await server.call('publishDraft', { filename }))
      expect(end.code).toBe('CONFIRMATION_UNAVAILABLE')
      expect(world.backend.requests()).toEqual([])
    },
  )

  it.each([{ elicitation: {} }, { elicitation: { form: {} } }, { elicitation: { form: {}, url: {} } }])(
    'is asked for a confirmation if they are %j',
    async capabilities => {
      const shown: string[] = []
      const server = await world.start(era, undefined, capabilities)
      server.onRequest = ({ params }) => {
        shown.push(String((params as Message).message))
        return YES
      }
      const reply = await server.call('publishDraft', { filename })
      expect([...shown, questionOf(reply)?.message].filter(Boolean)).toHaveLength(1)
    },
  )
})

describe('a malformed answer to a confirmation request', () => {
  let world: Publisher
  const sessions: Session[] = []
  let reply: unknown

  beforeAll(async () => {
    world = await openPublisher()
    for (const kind of ['legacy wire', 'modern wire'] as const) sessions.push(await world.open(kind, () => reply))
  })
  afterAll(() => world.close())
  beforeEach(() => {
    world.write(filename, DRAFT)
    world.backend.clearRequests()
  })

  it.each([
    ['no action', { content: { confirm: true } }],
    ['an unknown action', { action: 'ACCEPT', content: { confirm: true } }],
    ['content that is a list', { action: 'accept', content: [true] }],
    ['confirm outside the content', { action: 'accept', confirm: true }],
    ['a nested answer', { result: YES }],
  ])(`${verifies('P12')} publishes nothing in either era: %s`, async (_, given) => {
    reply = given
    const records = world.recordsFromNow()
    for (const session of sessions) {
      const { code } = await session.call('publishDraft', { filename })
      expect(['CONFIRMATION_DECLINED', 'CONFIRMATION_INVALID']).toContain(code)
    }
    expectNothingDone(world, records)
  })

  it.each([
    ['a string', 'yes'],
    ['null', null],
    ['a list', [YES]],
  ])(`${verifies('P12')} publishes nothing if it is not an object: %s`, async (_, given) => {
    reply = given
    const records = world.recordsFromNow()
    const modern = await sessions[1]?.call('publishDraft', { filename })
    expect(['CONFIRMATION_INVALID', 'INVALID_INPUT']).toContain(modern?.code)

    // In the legacy era such a line is not a valid message, so the request stays open.
    const legacy = await world.start('legacy', yes)
    const isAnswered = new Promise<void>(resolve => {
      legacy.onRequest = ({ id }) => {
        legacy.write({ jsonrpc: '2.0', id, result: given })
        resolve()
      }
    })
    void legacy.call('publishDraft', { filename }).catch(() => {})
    await isAnswered
    await legacy.call('listDrafts', {})
    await legacy.kill('SIGTERM')
    expect(world.backend.requests()).toEqual([])
    expect(records().filter(({ event, tool }) => event === 'intent' && tool === 'publishDraft')).toEqual([])
  })

  it(`${verifies('P12')} publishes nothing if it is an error`, async () => {
    const records = world.recordsFromNow()
    const server = await world.start('legacy', yes)
    server.onRequest = ({ id }) => {
      server.write({ jsonrpc: '2.0', id, error: { code: -32601, message: 'what is elicitation?' } })
      return undefined
    }
    expect(endOf(await server.call('publishDraft', { filename })).code).toBe('CONFIRMATION_DECLINED')
    expectNothingDone(world, records)
  })

  it(`${verifies('P12')} publishes nothing if it has the id of another request`, async () => {
    const records = world.recordsFromNow()
    const server = await world.start('legacy', yes)
    server.onRequest = ({ id }) => {
      server.write({ jsonrpc: '2.0', id: Number(id) + 1, result: YES })
      server.write({ jsonrpc: '2.0', id, result: { action: 'decline' } })
      server.write({ jsonrpc: '2.0', id, result: YES })
      return undefined
    }
    expect(endOf(await server.call('publishDraft', { filename })).code).toBe('CONFIRMATION_DECLINED')
    expectNothingDone(world, records)
  })
})

describe.each(['legacy', 'modern'] as const)('an answer without a confirmation request (%s era)', era => {
  let world: Publisher
  let server: RunningServer

  beforeAll(async () => {
    world = await openPublisher()
    server = await world.start(era, yes)
  })
  afterAll(() => world.close())
  beforeEach(() => void world.write(filename, DRAFT))

  it.each<[string, Message]>([
    ['an answer without a state', { inputResponses: { confirm: YES } }],
    ['an answer in a list', { inputResponses: [YES] }],
    ['answers that are null', { inputResponses: null }],
    ['an empty state', { inputResponses: { confirm: YES }, requestState: '' }],
    ['a state of garbage', { inputResponses: { confirm: YES }, requestState: 'W10.AAAA' }],
    ['a state without an answer', { requestState: 'W10.AAAA' }],
    ['a state without a seal', { inputResponses: { confirm: YES }, requestState: 'W10' }],
    ['a very long state', { inputResponses: { confirm: YES }, requestState: 'A'.repeat(100_000) }],
    ['a state with non-ASCII characters', { inputResponses: { confirm: YES }, requestState: '\ud800\u0000é.😀' }],
    ['a state that is a number', { inputResponses: { confirm: YES }, requestState: 1 }],
    ['a state that is an object', { inputResponses: { confirm: YES }, requestState: { confirm: true } }],
  ])(`${verifies('P12')} is refused: %s`, async (_, extra) => {
    const records = world.recordsFromNow()
    const reply = await server.call('publishDraft', { filename }, extra)
    expect(['CONFIRMATION_INVALID', 'INVALID_INPUT']).toContain(errorCodeOf(reply))
    expectNothingDone(world, records)
    expect(records().map(({ event }) => event)).toEqual(['denied'])
  })

  it(`${verifies('P12')} is refused as an argument`, async () => {
    const records = world.recordsFromNow()
    for (const extra of [{ confirm: true }, { inputResponses: { confirm: YES } }, { requestState: 'W10.AAAA' }])
      expect(errorCodeOf(await server.call('publishDraft', { filename, ...extra }))).toBe('INVALID_INPUT')
    expectNothingDone(world, records)
  })

  it(`${verifies('P12')} is refused if the operator relies on the description`, async () => {
    const relying = await publisher({ BLOG_CONFIRM: 'description' })
    relying.write(filename, DRAFT)
    const other = await relying.start(era)
    const reply = await other.call('publishDraft', { filename }, { inputResponses: {} })
    expect(errorCodeOf(reply)).toBe('CONFIRMATION_INVALID')
    expect(relying.backend.requests()).toEqual([])
  })
})

describe('the state of a confirmation request', () => {
  let world: Publisher
  let server: RunningServer
  let folder: string
  let state: string
  /** The parameters that answer the request with yes. */
  let accept: Message
  const publish = (extra: Message, name = filename, to = server) => to.call('publishDraft', { filename: name }, extra)

  beforeAll(async () => {
    // Nothing listens there, and the server must not connect to it.
    folder = '/nonexistent'
    world = await openPublisher({
      BLOG_DEPLOY_SSH: 'deploy@127.0.0.1:9',
      BLOG_DEPLOY_KEY_FILE: join(folder, 'key'),
      BLOG_DEPLOY_KNOWN_HOSTS: join(folder, 'known_hosts'),
    })
    server = await world.start('modern', yes)
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    world.write(filename, DRAFT)
    world.backend.clearRequests()
    const asked = questionOf(await server.call('publishDraft', { filename }))
    if (!asked) throw new Error('the server did not ask for a confirmation')
    accept = asked.reply(YES)
    state = String(accept.requestState)
  })

  it(`${verifies('P12')} contains neither text of the draft nor a secret`, () => {
    const opened = Buffer.from(state.split('.')[0] ?? '', 'base64url').toString()
    for (const secret of ['week', 'quiet', sha256(DRAFT), world.backend.blog.key, world.env.AUDIT_KEY ?? '?'])
      expect(`${state} ${opened}`).not.toContain(secret)
  })

  it(`${verifies('P12')} is not accepted if any character was changed`, async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'
    // The same positions in every run, spread over the whole state.
    for (let trial = 0; trial < 200; trial += 1) {
      const place = Math.floor((trial * 0.618_033_988_75 * state.length) % state.length)
      const step = 1 + (trial % (alphabet.length - 1))
      const other = alphabet[(alphabet.indexOf(state[place] ?? '') + step) % alphabet.length]
      const requestState = `${state.slice(0, place)}${other}${state.slice(place + 1)}`
      const refused = await publish({ ...accept, requestState })
      expect(errorCodeOf(refused), `character ${place} as ${other}`).toBe('CONFIRMATION_INVALID')
    }
    expect(world.backend.requests()).toEqual([])
    // The attempts have not used it up.
    expect(errorCodeOf(await publish(accept))).toBeUndefined()
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
  })

  it.each<[string, (state: string) => string]>([
    ['cut short', whole => whole.slice(0, -1)],
    ['extended', whole => `${whole}A`],
    ['sealed twice', whole => `${whole}.${whole.split('.')[1]}`],
    ['without its seal', whole => whole.split('.')[0] ?? ''],
    ['with an empty seal', whole => `${whole.split('.')[0]}.`],
    ['with its halves swapped', whole => whole.split('.').reverse().join('.')],
    ['padded', whole => `${whole}=`],
    ['with a space after it', whole => `${whole} `],
    [
      'with a later expiry',
      whole => {
        const [body = '', seal] = whole.split('.')
        const fields = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[]
        fields[3] = Number(fields[3]) + 1
        return `${Buffer.from(JSON.stringify(fields)).toString('base64url')}.${seal}`
      },
    ],
  ])(`${verifies('P12')} is not accepted %s`, async (_, change) => {
    expect(errorCodeOf(await publish({ ...accept, requestState: change(state) }))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toEqual([])
  })

  it(`${verifies('P12')} is accepted once`, async () => {
    expect(errorCodeOf(await publish(accept))).toBeUndefined()
    expect(errorCodeOf(await publish(accept))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toHaveLength(1)
  })

  it(`${verifies('P12')} is accepted once if it is sent ten times concurrently`, async () => {
    const records = world.recordsFromNow()
    const replies = await Promise.all(Array.from({ length: 10 }, () => publish(accept)))
    const codes = replies.map(errorCodeOf)
    expect(codes.filter(code => code === undefined)).toHaveLength(1)
    expect(codes.filter(code => code === 'CONFIRMATION_INVALID')).toHaveLength(9)
    expect(world.backend.requests()).toHaveLength(1)
    expect(records().filter(({ event }) => event === 'intent')).toHaveLength(1)
    expect(records().filter(({ event }) => event === 'denied')).toHaveLength(9)
  })

  it(`${verifies('P12')} is not accepted after a no`, async () => {
    const no = { ...accept, inputResponses: { confirm: { action: 'decline' } } }
    expect(errorCodeOf(await publish(no))).toBe('CONFIRMATION_DECLINED')
    expect(errorCodeOf(await publish(accept))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toEqual([])
  })

  it(`${verifies('P12')} is not accepted after a call without an answer`, async () => {
    expect(errorCodeOf(await publish({ requestState: state }))).toBe('CONFIRMATION_INVALID')
    expect(errorCodeOf(await publish(accept))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toEqual([])
  })

  it(`${verifies('P12')} is not accepted for another draft, even with the same bytes`, async () => {
    world.write(`another ${filename}`, DRAFT)
    expect(errorCodeOf(await publish(accept, `another ${filename}`))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toEqual([])
  })

  it(`${verifies('P12')} is not accepted by another tool`, async () => {
    const records = world.recordsFromNow()
    const asked = questionOf(await server.call('deployBlog', {}))
    if (!asked) throw new Error('the server did not ask for a confirmation')
    expect(asked.message).toBe('Run the blog’s deploy command on deploy@127.0.0.1:9 now?')
    const crossed = [
      await publish(asked.reply(YES)),
      await server.call('deployBlog', {}, accept),
      await server.call('listDrafts', {}, accept),
    ]
    expect(crossed.map(errorCodeOf)).toEqual(Array(3).fill('CONFIRMATION_INVALID'))
    expectNothingDone(world, records)
  })

  it(`${verifies('P12', 'P13')} is not accepted by another process of the server`, async () => {
    const other = await world.start('modern', yes)
    const legacy = await world.start('legacy', yes)
    expect(errorCodeOf(await publish(accept, filename, other))).toBe('CONFIRMATION_INVALID')
    expect(errorCodeOf(await publish(accept, filename, legacy))).toBe('CONFIRMATION_INVALID')
    expect(world.backend.requests()).toEqual([])
  })

  it('is accepted if the draft was changed and then restored', async () => {
    world.write(filename, 'Something else.\n')
    expect(errorCodeOf(await publish(accept))).toBe('CONFIRMATION_INVALID')
    world.write(filename, DRAFT)
    expect(errorCodeOf(await publish(accept))).toBeUndefined()
    expect(world.live(slug)).toEqual([sha256(DRAFT)])
  })

  it(`${verifies('P12')} belongs to one request: two requests can be answered concurrently`, async () => {
    const another = `another ${filename}`
    world.write(another, 'Another week.\n')
    const asked = questionOf(await server.call('publishDraft', { filename: another }))
    if (!asked) throw new Error('the server did not ask for a confirmation')
    const no = asked.reply({ action: 'decline' })
    const replies = await Promise.all([publish(no, another), publish(accept)])
    expect(replies.map(errorCodeOf)).toEqual(['CONFIRMATION_DECLINED', undefined])
    expect(world.backend.requests()).toHaveLength(1)
  })
})

describe('a client that leaves before its user has answered', () => {
  it.each<[string, (server: RunningServer) => Promise<number | null>]>([
    ['by closing the standard input', server => server.end()],
    ['by SIGTERM', server => server.kill('SIGTERM')],
  ])(`${verifies('P12', 'P7')} %s publishes nothing, and the call has one terminal record`, async (_, leave) => {
    const world = await publisher()
    world.write(filename, DRAFT)
    const records = world.recordsFromNow()
    const server = await world.start('legacy', yes)
    const isAsked = new Promise<void>(resolve => {
      server.onRequest = () => resolve()
    })
    void server.call('publishDraft', { filename }).catch(() => {})
    await isAsked
    expect(await leave(server)).toBe(0)
    expectNothingDone(world, records)
    expect(records().map(({ event }) => event)).toEqual(['confirm', 'denied'])
    // The user has not declined.
    expect(records()[1]).toMatchObject({ error: { code: 'CANCELLED' }, confirmation: 'none' })
    expect(world.trail.terminals()).toHaveLength(1)
    expect(await world.trail.verify()).toMatchObject({ ok: true })
  })

  it(`${verifies('P12', 'P7')} by cancelling the call publishes nothing, even with a yes after that`, async () => {
    const world = await publisher()
    world.write(filename, DRAFT)
    const records = world.recordsFromNow()
    const server = await world.start('legacy', yes)
    const isAsked = new Promise<void>(resolve => {
      server.onRequest = ({ id }) => {
        server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } })
        server.write({ jsonrpc: '2.0', id, result: YES })
        resolve()
      }
    })
    const params = { name: 'publishDraft', arguments: { filename } }
    server.write({ jsonrpc: '2.0', id: 77, method: 'tools/call', params })
    await isAsked
    await server.call('listDrafts', {})
    await server.end()
    expect(world.backend.requests()).toEqual([])
    const ofThatCall = records().filter(({ tool }) => tool === 'publishDraft')
    expect(ofThatCall.map(({ event }) => event)).toEqual(['confirm', 'denied'])
    expect(ofThatCall[1]).toMatchObject({ error: { code: 'CANCELLED' }, confirmation: 'none' })
  })

  it(`${verifies('P12', 'P7')} in the modern era publishes nothing: the request has ended the call`, async () => {
    const world = await publisher()
    world.write(filename, DRAFT)
    const server = await world.start('modern', yes)
    await server.call('publishDraft', { filename })
    expect(await server.end()).toBe(0)
    expect(world.backend.requests()).toEqual([])
    expect(world.trail.terminals().map(({ event }) => event)).toEqual(['confirm'])
  })

  it.each(CLIENT_LINES)(`${verifies('P12', 'P7')} by closing the %s client publishes nothing`, async line => {
    const world = await publisher()
    world.write(filename, DRAFT)
    const records = world.recordsFromNow()
    let asked = (): void => {}
    const isAsked = new Promise<void>(resolve => {
      asked = resolve
    })
    const session = await world.open(`${line} client`, () => {
      asked()
      return new Promise(() => {})
    })
    void session.call('publishDraft', { filename }).catch(() => {})
    await isAsked
    await session.close()
    expectNothingDone(world, records)
    expect(world.trail.terminals()).toHaveLength(1)
  })
})
