import type { Headers } from '../remote-server.ts'

/** A request with a valid token, or a malformed one, in a place where the server must not accept it. */
export interface Misplaced {
  readonly headers?: Headers
  readonly path?: string
  /** The body, instead of that of a call. */
  readonly body?: string
}

const bearer = (token: string): string => `Bearer ${token}`

/** Places that the server looks at: the request is refused as one with an invalid token. `other` is also valid. */
export const MISPLACED: Readonly<Record<string, (token: string, other: string) => Misplaced>> = {
  'the same Authorization header twice': token => ({ headers: { Authorization: [bearer(token), bearer(token)] } }),
  'two Authorization headers with valid tokens': (token, other) => ({
    headers: { Authorization: [bearer(token), bearer(other)] },
  }),
  'a valid Authorization header before an invalid one': token => ({
    headers: { Authorization: [bearer(token), 'Bearer x'] },
  }),
  'a valid Authorization header after an invalid one': token => ({
    headers: { Authorization: ['Bearer x', bearer(token)] },
  }),
  'a valid Authorization header and one of Basic': token => ({
    headers: { Authorization: [bearer(token), 'Basic YTpi'] },
  }),
  'Basic with the token as the password': token => ({
    headers: { Authorization: `Basic ${Buffer.from(`ada:${token}`).toString('base64')}` },
  }),
  'the token after Basic': token => ({ headers: { Authorization: `Basic ${token}` } }),
  'the token after DPoP': token => ({ headers: { Authorization: `DPoP ${token}`, DPoP: token } }),
  'the token without a scheme': token => ({ headers: { Authorization: token } }),
  'Bearer without a token': () => ({ headers: { Authorization: 'Bearer' } }),
  'Bearer and a space': () => ({ headers: { Authorization: 'Bearer ' } }),
  'an empty Authorization header': () => ({ headers: { Authorization: '' } }),
  'Bearer twice': token => ({ headers: { Authorization: `Bearer ${bearer(token)}` } }),
  'two tokens separated by a space': (token, other) => ({
    headers: { Authorization: bearer(`${token} ${other}`) },
  }),
  'two tokens separated by a comma': (token, other) => ({
    headers: { Authorization: `${bearer(token)}, ${bearer(other)}` },
  }),
  'a tab after Bearer': token => ({ headers: { Authorization: `Bearer\t${token}` } }),
  'no space after Bearer': token => ({ headers: { Authorization: `Bearer${token}` } }),
  'a colon after Bearer': token => ({ headers: { Authorization: `Bearer: ${token}` } }),
  'the token in quotes': token => ({ headers: { Authorization: `Bearer "${token}"` } }),
  'the token as a parameter': token => ({ headers: { Authorization: `Bearer token="${token}"` } }),
  'a non-ASCII letter after the token': token => ({ headers: { Authorization: bearer(`${token}é`) } }),
  'the token in the query': token => ({ path: `/mcp?access_token=${token}` }),
  'the token in the query, its name percent-encoded': token => ({ path: `/mcp?a=b&%61ccess_token=${token}` }),
  'the token in the query and in the header': token => ({
    path: `/mcp?access_token=${token}`,
    headers: { Authorization: bearer(token) },
  }),
  'an empty token in the query, a valid one in the header': token => ({
    path: '/mcp?access_token=',
    headers: { Authorization: bearer(token) },
  }),
}

/** Places that the server ignores: the request is refused as one without a token. */
export const IGNORED: Readonly<Record<string, (token: string) => Misplaced>> = {
  'no token': () => ({}),
  'the token in a form': token => ({
    body: `access_token=${token}`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  }),
  'the token in a cookie': token => ({ headers: { Cookie: `access_token=${token}; Authorization=Bearer ${token}` } }),
  'the token in Proxy-Authorization': token => ({ headers: { 'Proxy-Authorization': bearer(token) } }),
  'the token in other headers': token => ({
    headers: { 'X-Access-Token': token, 'X-Forwarded-Authorization': bearer(token), 'X-Authorization': bearer(token) },
  }),
  'a user in headers of a proxy': () => ({
    headers: {
      'X-Forwarded-User': 'ada',
      'X-Remote-User': 'ada',
      Forwarded: 'for=127.0.0.1',
      'X-Forwarded-For': '127.0.0.1',
    },
  }),
  'the token in the message': token => ({
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: { _meta: { authorization: bearer(token), access_token: token } },
    }),
  }),
}
