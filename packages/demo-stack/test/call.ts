import type { ApiAccess } from '../src/index.ts'

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses of any shape, wrong ones included
  json: any
}

interface Call {
  key?: string | null
  body?: unknown
  /** Sent unchanged, instead of `body`. */
  raw?: string | Uint8Array
  headers?: Record<string, string>
}

/** Sends one request to an API: `call(api, 'POST /articles', { body })`. If the key is null, no key is sent. */
export async function call(api: ApiAccess, request: string, options: Call = {}): Promise<Answer> {
  const [method = '', ...path] = request.split(' ')
  const key = options.key === undefined ? api.key : options.key
  const payload = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  const response = await fetch(api.url + path.join(' '), {
    method,
    headers: {
      ...(key !== null && { Authorization: `Bearer ${key}` }),
      ...(payload !== undefined && { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    ...(payload !== undefined && { body: payload as NonNullable<RequestInit['body']> }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
}
