import { describeExchange, describeWrites } from '@narrow-deputies/server-contract/copied'
import { CodedError } from '../errors.ts'
import { within } from './deadline.ts'
import { exchange, LostReplyError, once } from './http.ts'

describeExchange(exchange)
describeWrites({ exchange, once, within, LostReplyError, CodedError })
