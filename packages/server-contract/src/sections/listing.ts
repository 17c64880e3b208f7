import { beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_LINES } from '../clients.ts'
import { faultsOfSchema } from '../json-schema.ts'
import type { Era, Message, RunningServer } from '../running-server.ts'
import type { World } from '../world.ts'

const ERAS: readonly Era[] = ['legacy', 'modern']

const WARNING = 'WARNING: this is a write operation. Confirm with the user before calling, every single time.'

/** Methods of the protocol that the servers do not support, and names that are no methods. */
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

/** What a client learns before it calls a tool. */
export function describeListing(world: World): void {
  const { subject } = world

  describe('the list of tools', () => {
    const servers = new Map<Era, RunningServer>()
    const listed = new Map<Era, Message[]>()
    const greetings = new Map<Era, Message>()
    const texts = new Map<Era, string>()

    beforeAll(async () => {
      const list = async (era: Era): Promise<void> => {
        const { server } = world.launch()
        servers.set(era, server)
        const capabilities = { elicitation: {}, sampling: {}, roots: {} }
        greetings.set(era, (await server.open(era, capabilities)).result as Message)
        const { result } = await server.request('tools/list', {})
        texts.set(era, JSON.stringify(result))
        listed.set(era, (result as { tools: Message[] }).tools)
      }
      await Promise.all(ERAS.map(list))
    })
    const tools = (era: Era): Message[] => listed.get(era) ?? []

    it.each(CLIENT_LINES)(`${verifies('P1')} has exactly these tools in this order for a %s client`, async line => {
      const { client } = await world.connect(line)
      const names = (await client.listTools()).map(({ name }) => name)
      await client.close()
      expect(names).toEqual(subject.tools.map(({ name }) => name))
    })

    it.each(ERAS)(`${verifies('P1')} states the effect of each tool in its annotations (%s era)`, era => {
      expect(tools(era).map(({ annotations }) => annotations)).toEqual(
        subject.tools.map(({ effect }) => ({
          readOnlyHint: effect === 'read',
          destructiveHint: effect === 'irreversible',
          idempotentHint: effect === 'read',
          openWorldHint: false,
        })),
      )
    })

    it.each(ERAS)(`${verifies('P12')} warns of each write at the end of its description (%s era)`, era => {
      for (const [index, { effect }] of subject.tools.entries()) {
        const description = String(tools(era)[index]?.description)
        expect(description.endsWith(` ${WARNING}`)).toBe(effect !== 'read')
        expect(description.split('WARNING').length).toBe(effect === 'read' ? 1 : 2)
      }
    })

    it.each(ERAS)(`${verifies('P1')} has closed and bounded schemas for input and output (%s era)`, era => {
      const faults = tools(era).flatMap(({ name, inputSchema, outputSchema }) => [
        ...faultsOfSchema(inputSchema, `${name} input`),
        ...faultsOfSchema(outputSchema, `${name} output`),
      ])
      expect(faults).toEqual([])
    })

    it.each(ERAS)(`${verifies('P1')} has exactly the arguments that the tools take (%s era)`, era => {
      const schemas = tools(era).map(tool => tool.inputSchema as { properties?: object; required?: string[] })
      expect(schemas.map(({ properties }) => Object.keys(properties ?? {}))).toEqual(
        subject.tools.map(({ fields }) => Object.keys(fields)),
      )
      expect(schemas.map(({ required }) => required ?? [])).toEqual(
        subject.tools.map(({ fields }) => Object.keys(fields).filter(name => !fields[name]?.optional)),
      )
    })

    it.each(ERAS)('takes at most 800 tokens of a model’s context (%s era)', async era => {
      // Imported here because its tables take long to load.
      const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base')
      expect(countTokens(texts.get(era) ?? '')).toBeLessThanOrEqual(800)
    })

    it('is the same in every process, every time, and in both eras', async () => {
      const { server } = world.launch()
      await server.open('legacy')
      const first = JSON.stringify((await server.request('tools/list', {})).result)
      const again = JSON.stringify((await server.request('tools/list', {})).result)
      expect([first, again]).toEqual([texts.get('legacy'), texts.get('legacy')])
      expect(JSON.stringify(tools('modern'))).toBe(JSON.stringify(tools('legacy')))
    })

    it.each(ERAS)(`${verifies('P1')} is the only capability of the server (%s era)`, era => {
      const { capabilities } = greetings.get(era) as { capabilities: { tools?: Message } }
      expect(Object.keys(capabilities)).toEqual(['tools'])
      expect(Object.values(capabilities.tools ?? {}).filter(value => value !== false)).toEqual([])
    })

    it.each(ERAS)(`${verifies('P1')} is the only feature: other methods do not exist (%s era)`, async era => {
      const server = servers.get(era)
      const codes = await Promise.all(
        ABSENT.map(async method => {
          const reply = await server?.request(method, {})
          return (reply?.error as { code?: number } | undefined)?.code
        }),
      )
      expect(Object.fromEntries(ABSENT.map((method, index) => [method, codes[index]]))).toEqual(
        Object.fromEntries(ABSENT.map(method => [method, -32601])),
      )
    })
  })
}
