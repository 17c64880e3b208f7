import { describeExchange } from '@narrow-deputies/server-contract/copied'
import { exchange } from './http.ts'

describeExchange(exchange)
