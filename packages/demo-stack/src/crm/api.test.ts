import { describe, expect, it } from 'vitest'
import { backendForTest } from '../../test/backend-fixture.ts'
import { call } from '../../test/call.ts'
import { SCOPES } from '../api-keys.ts'

const names = (answer: { json: { customers: { name: string }[] } }) => answer.json.customers.map(({ name }) => name)

describe('the CRM API', () => {
  it('finds a customer by the exact e-mail address, ignoring case', async () => {
    const backend = await backendForTest()
    const find = (email: string) => call(backend.crm, `GET /customers/by-email?email=${encodeURIComponent(email)}`)
    const expected = backend.customers().find(({ id }) => id === 'cus_e4t8vka7rs3x')
    expect((await find('Eleni@PAPADOPOULOU.example')).json).toEqual(expected)
    for (const absent of ['leni@papadopoulou.example', '%@papadopoulou.example', 'eleni@papadopoulou.exampl']) {
      expect([absent, (await find(absent)).status]).toEqual([absent, 404])
    }
  })

  it('searches names in any script, ignoring case and accents', async () => {
    const backend = await backendForTest()
    const search = (name: string) => call(backend.crm, `GET /customers/search?name=${encodeURIComponent(name)}`)
    for (const [query, name] of [
      ['munoz', 'José Ángel Muñoz Ibáñez'],
      ['ZOË', 'Zoë Brontëson'],
      ['ngoc', 'Đỗ Thị Minh Ngọc'],
      ['Παπαδοπουλου', 'Ελένη Παπαδοπούλου'],
      ['ΝΊΚΟΣ', 'Νίκος Αλεξίου'],
      ['νικοσ', 'Νίκος Αλεξίου'],
      ['шевчук', 'Ольга Петрівна Шевчук'],
      ['晓梅', '陈晓梅'],
      ['서연', '김서연'],
      ['शर्मा', 'अनन्या शर्मा'],
      ['الحداد', 'ليلى بنت يوسف الحداد'],
    ] as const) {
      expect([query, names(await search(query))]).toEqual([query, [name]])
    }
    for (const query of ['%%', '__', "' OR 1=1", 'xyzzy']) {
      expect((await search(query)).json).toEqual({ customers: [], more: false })
    }
  })

  it('finds at most ten customers, sorted by name, and says whether there are more', async () => {
    const backend = await backendForTest()
    const key = backend.mintKey('crm', ['customers:write'])
    const { id: _id, ...template } = backend.customers()[0] ?? { id: '' }
    for (let i = 10; i < 21; i++) {
      const body = { ...template, name: `Twin Nr ${30 - i}`, email: `twin${i}@example.org` }
      expect((await call(backend.crm, 'POST /customers', { key, body })).status).toBe(201)
      const found = await call(backend.crm, 'GET /customers/search?name=twin')
      expect(names(found)).toEqual(names(found).toSorted())
      expect([found.json.customers.length, found.json.more]).toEqual([Math.min(i - 9, 10), i === 20])
    }
  })

  it('gets a customer with all fields', async () => {
    const backend = await backendForTest()
    for (const customer of backend.customers()) {
      expect((await call(backend.crm, `GET /customers/${customer.id}`)).json).toEqual(customer)
    }
    expect((await call(backend.crm, 'GET /customers/cus_none')).status).toBe(404)
  })

  it('lists, exports, adds, changes and deletes customers for keys with the scopes', async () => {
    const backend = await backendForTest()
    const key = backend.mintKey('crm', [...SCOPES.crm])
    expect((await call(backend.crm, 'GET /customers', { key })).json.customers).toEqual(backend.customers())
    const csv = await call(backend.crm, 'GET /customers/export', { key })
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(csv.text.split('\r\n')).toHaveLength(32)
    expect(csv.text).toContain('"Robert ""Rob"" O’Neill <b>VIP</b>"')

    const { id, ...fields } = backend.customers()[0] ?? { id: '', email: '' }
    const taken = await call(backend.crm, 'POST /customers', {
      key,
      body: { ...fields, email: fields.email.toUpperCase() },
    })
    expect([taken.status, taken.json.error.code]).toEqual([409, 'conflict'])
    const added = await call(backend.crm, 'POST /customers', { key, body: { ...fields, email: 'new@example.net' } })
    expect(added.json).toEqual({ ...fields, email: 'new@example.net', id: expect.stringMatching(/^cus_[a-z0-9]{8,}$/) })
    const path = `/customers/${added.json.id}`
    const changed = await call(backend.crm, `PATCH ${path}`, { key, body: { name: 'Ñandú', email: 'NEW@example.net' } })
    expect(changed.json).toEqual({ ...added.json, name: 'Ñandú', email: 'NEW@example.net' })
    expect(names(await call(backend.crm, 'GET /customers/search?name=nandu'))).toEqual(['Ñandú'])
    expect((await call(backend.crm, `PATCH ${path}`, { key, body: { email: fields.email } })).status).toBe(409)
    expect((await call(backend.crm, `PATCH ${path}`, { key, body: {} })).status).toBe(400)
    expect((await call(backend.crm, `DELETE ${path}`, { key })).status).toBe(204)
    expect((await call(backend.crm, `DELETE ${path}`, { key })).status).toBe(404)
    expect(backend.customers().map(c => c.id)).toContain(id)
  })
})
