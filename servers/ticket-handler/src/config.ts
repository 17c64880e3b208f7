import * as z from 'zod'
import { backendVariables, type ConfigOf, defineSettings, secret, withDefault } from '#setup'

export const settings = defineSettings({
  ...backendVariables('TICKET', 'ticket', ['rest']),
  confirm: withDefault(
    'TICKET_CONFIRM',
    'description: the tool’s description tells the model to ask; required: the client asks the user',
    z.enum(['description', 'required']),
    'description',
  ),
})

export const apiKey = secret('TICKET_API_KEY', 'the API key')

export type Config = ConfigOf<typeof settings>
