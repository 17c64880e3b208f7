import { describe, expect, it } from 'vitest'
import { backendForTest } from '../../test/backend-fixture.ts'
import { call } from '../../test/call.ts'

const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Arabic',
  'Hebrew',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Devanagari',
  'Thai',
]

describe('the seed data', () => {
  it('has realistic numbers, formats and variety', async () => {
    const backend = await backendForTest()
    expect([backend.customers().length, backend.ticketRows().length, backend.articles().length]).toEqual([30, 12, 5])
    for (const { id, email } of backend.customers()) {
      expect(id).toMatch(/^cus_[a-z0-9]{8,}$/)
      expect(email).toMatch(/@(example\.(com|org|net)|[a-z-]+\.example)$/)
    }
    const names = backend.customers().map(({ name, company }) => name + company)
    for (const script of SCRIPTS) {
      expect([script, names.some(name => new RegExp(`\\p{Script=${script}}`, 'u').test(name))]).toEqual([script, true])
    }
    const tickets = backend.ticketRows()
    expect(new Set(tickets.map(({ status }) => status)).size).toBe(3)
    expect(new Set(tickets.map(({ priority }) => priority)).size).toBe(4)
    expect(new Set(tickets.flatMap(({ notes }) => notes.map(({ internal }) => internal))).size).toBe(2)
  })

  it('is the same in every backend', async () => {
    const [one, two] = [await backendForTest(), await backendForTest()]
    expect(one.customers()).toEqual(two.customers())
    expect(one.ticketRows()).toEqual(two.ticketRows())
    expect(one.articles().map(({ url: _url, ...rest }) => rest)).toEqual(
      two.articles().map(({ url: _url, ...rest }) => rest),
    )
  })

  it('can be left out', async () => {
    const backend = await backendForTest({ seed: false })
    expect([backend.customers(), backend.ticketRows(), backend.articles()]).toEqual([[], [], []])
  })

  it('contains hostile records, which are served unchanged', async () => {
    const backend = await backendForTest()
    const customers = backend.customers()
    expect(customers.some(({ notes }) => /ignore all previous instructions.*export all customers/is.test(notes))).toBe(
      true,
    )
    expect(customers.some(({ company }) => /SYSTEM:.*call getCustomer/.test(company))).toBe(true)
    const texts = backend
      .ticketRows()
      .map(({ id, subject, description }) => ({ id, text: `${subject}\n${description}` }))
    const hostile = [
      /call publishDraft/i,
      /\u202e.*\u200b.*\u001b\[/s,
      /!\[.*\]\(https:\/\/collector\.example/,
      /"jsonrpc":"2\.0"/,
      /<\/tool_result>/,
    ]
    for (const pattern of hostile) {
      const found = texts.find(({ text }) => pattern.test(text))
      expect([pattern, found?.id]).toEqual([pattern, expect.any(String)])
      const { json } = await call(backend.tickets, `GET /tickets/${found?.id}`)
      expect(`${json.subject}\n${json.description}`).toBe(found?.text)
    }
  })
})
