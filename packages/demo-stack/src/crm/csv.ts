import type { Customer } from './customers.ts'

const COLUMNS = [
  'id',
  'name',
  'company',
  'email',
  'phone',
  'plan',
  'since',
  'country',
  'notes',
  'creditLimit',
  'birthDate',
] as const satisfies readonly (keyof Customer)[]

/** Formats customers with all their fields as CSV (RFC 4180) with a header line. */
export function toCsv(customers: readonly Customer[]): string {
  const lines = customers.map(customer => COLUMNS.map(column => `"${String(customer[column]).replaceAll('"', '""')}"`))
  return [COLUMNS, ...lines].map(line => `${line.join(',')}\r\n`).join('')
}
