import * as z from 'zod'
import { backendVariables, type ConfigOf, defineSettings, secret, withDefault } from '#setup'
import { FIELDS } from './vocabulary.ts'

const FieldList = z
  .string()
  .transform(list => list.split(',').map(field => field.trim()))
  .pipe(z.array(z.enum(FIELDS)).refine(fields => fields.includes('id'), 'must have id among them'))

export const settings = defineSettings({
  ...backendVariables('CRM', 'CRM', ['rest']),
  fields: withDefault(
    'CRM_FIELDS',
    `the fields of a customer that may be passed on, of ${FIELDS.join(',')}`,
    FieldList,
    'id,name,company,email,plan,since',
  ),
})

export const apiKey = secret('CRM_API_KEY', 'the API key')

export type Config = ConfigOf<typeof settings>
