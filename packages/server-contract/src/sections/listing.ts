import { beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_LINES } from '../clients.ts'
import { faultsOfSchema } from '../json-schema.ts'
import type { Era, Message } from '../running-server.ts'
import type { World } from '../world.ts'

const ERAS: readonly Era[] = ['legacy', 'modern']

const WARNING = 'WARNING: this is a write operation. Confirm with the user before calling, every single time.'

/** What of the protocol these servers do not have, and some words that are in no protocol. */
const ABSENT = [
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/read',
  'resources/templates/list',
  'resources/subscribe',
  'completion/complete',
  'logging/setLevel',
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'tasks/list',
  'tasks/result',
  'tools/delete',
  'rpc.discover',
  'constructor',
  '__proto__',
  '',
]

/** What a client finds before it calls anything. */
export function describeListing(world: World): void {
  const { subject } = world

  describe('the list of tools', () => {
    const listed = new Map<Era, Message[]>()
    const greetings = new Map<Era, Message>()
    const texts = new Map<Era, string>()

    beforeAll(async () => {
      for (const era of ERAS) {
        const { server } = world.launch()
        greetings.set(era, (await server.open(era)).result as Message)
        const { result } = await server.request('tools/list', {})
        texts.set(era, JSON.stringify(result))
        listed.set(era, (result as { tools: Message[] }).tools)
      }
    })
    const tools = (era: Era): Message[] => listed.get(era) ?? []

    it.each(CLIENT_LINES)(`${verifies('P1')} has exactly these tools, in this order, for a %s client`, async line => {
      const { client } = await world.connect(line)
      const names = (await client.listTools()).map(({ name }) => name)
      await client.close()
      expect(names).toEqual(subject.tools.map(({ name }) => name))
    })

    it.each(ERAS)(`${verifies('P1')} tells of each tool what its effect is (%s era)`, era => {
      expect(tools(era).map(({ annotations }) => annotations)).toEqual(
        subject.tools.map(({ effect }) => ({
          readOnlyHint: effect === 'read',
          destructiveHint: effect === 'irreversible',
          idempotentHint: effect === 'read',
          openWorldHint: false,
        })),
      )
    })

    it.each(ERAS)(`${verifies('P12')} warns of each write, at the end of its description (%s era)`, era => {
      for (const [index, { effect }] of subject.tools.entries()) {
        const description = String(tools(era)[index]?.description)
        expect(description.endsWith(` ${WARNING}`)).toBe(effect !== 'read')
        expect(description.split('WARNING').length).toBe(effect === 'read' ? 1 : 2)
      }
    })

    it.each(ERAS)(`${verifies('P1')} has closed schemas with bounds, for input and output (%s era)`, era => {
      const faults = tools(era).flatMap(({ name, inputSchema, outputSchema }) => [
        ...faultsOfSchema(inputSchema, `${name} input`),
        ...faultsOfSchema(outputSchema, `${name} output`),
      ])
      expect(faults).toEqual([])
    })

    it.each(ERAS)(`${verifies('P1')} asks for the arguments that the tools take, and for no others (%s era)`, era => {
      const schemas = tools(era).map(tool => tool.inputSchema as { properties?: object; required?: string[] })
      expect(schemas.map(({ properties }) => Object.keys(properties ?? {}))).toEqual(
        subject.tools.map(({ fields }) => Object.keys(fields)),
      )
      expect(schemas.map(({ required }) => required ?? [])).toEqual(
        subject.tools.map(({ fields }) => Object.keys(fields).filter(name => !fields[name]?.optional)),
      )
    })

    it.each(ERAS)('costs a model at most 800 tokens (%s era)', async era => {
      // Only here: its tables take a while to load, and whoever imports the harness should not wait for them.
      const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base')
      expect(countTokens(texts.get(era) ?? '')).toBeLessThanOrEqual(800)
    })

    it('is the same in every run and in both eras', async () => {
      const { server } = world.launch()
      await server.open('legacy')
      const first = JSON.stringify((await server.request('tools/list', {})).result)
      const again = JSON.stringify((await server.request('tools/list', {})).result)
      expect([first, again]).toEqual([texts.get('legacy'), texts.get('legacy')])
      expect(JSON.stringify(tools('modern'))).toBe(JSON.stringify(tools('legacy')))
    })

    it.each(ERAS)(`${verifies('P1')} is all that there is: no other capability is declared (%s era)`, era => {
      const { capabilities } = greetings.get(era) as { capabilities: { tools?: Message } }
      expect(Object.keys(capabilities)).toEqual(['tools'])
      expect(Object.values(capabilities.tools ?? {}).filter(value => value !== false)).toEqual([])
    })

    it.each(ERAS)(`${verifies('P1')} is all that there is: no other method is found (%s era)`, async era => {
      const { server } = world.launch()
      await server.open(era, { elicitation: {}, sampling: {}, roots: {} })
      const codes = await Promise.all(
        ABSENT.map(async method => ((await server.request(method, {})).error as { code?: number } | undefined)?.code),
      )
      expect(Object.fromEntries(ABSENT.map((method, index) => [method, codes[index]]))).toEqual(
        Object.fromEntries(ABSENT.map(method => [method, -32601])),
      )
    })
  })
}
