import { describeCredentials, describeWritingCredential } from '@narrow-deputies/server-contract/copied'
import { CredentialError, readAuditKey, readCredential } from './credentials.ts'

const source = new URL('./credentials.ts', import.meta.url).href

describeCredentials({ readCredential, readAuditKey, CredentialError, source })
describeWritingCredential(readCredential)
