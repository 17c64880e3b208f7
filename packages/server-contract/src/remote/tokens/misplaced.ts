import type { Headers } from '../remote-server.ts'

/** A good token, or something else that was meant to be one, where none may stand. */
export interface Misplaced {
  readonly headers?: Headers
  readonly path?: string
  /** In place of a call. */
  readonly body?: string
}

const bearer = (token: string): string => `Bearer ${token}`

/** Each seen as an attempt with a token. `other` is another good one. */
export const MISPLACED: Readonly<Record<string, (token: string, other: string) => Misplaced>> = {
  'the same Authorization twice': token => ({ headers: { Authorization: [bearer(token), bearer(token)] } }),
  'two of Authorization, each good': (token, other) => ({ headers: { Authorization: [bearer(token), bearer(other)] } }),
  'a good Authorization before a bad one': token => ({ headers: { Authorization: [bearer(token), 'Bearer x'] } }),
  'a good Authorization behind a bad one': token => ({ headers: { Authorization: ['Bearer x', bearer(token)] } }),
  'a good Authorization beside one of Basic': token => ({ headers: { Authorization: [bearer(token), 'Basic YTpi'] } }),
  'Basic, with the token for a password': token => ({
    headers: { Authorization: `Basic ${Buffer.from(`ada:${token}`).toString('base64')}` },
  }),
  'the token behind Basic': token => ({ headers: { Authorization: `Basic ${token}` } }),
  'the token behind DPoP': token => ({ headers: { Authorization: `DPoP ${token}`, DPoP: token } }),
  'the token alone': token => ({ headers: { Authorization: token } }),
  'the word Bearer alone': () => ({ headers: { Authorization: 'Bearer' } }),
  'the word Bearer and a space': () => ({ headers: { Authorization: 'Bearer ' } }),
  'nothing in Authorization': () => ({ headers: { Authorization: '' } }),
  'Bearer twice': token => ({ headers: { Authorization: `Bearer ${bearer(token)}` } }),
  'two tokens with a space between them': (token, other) => ({
    headers: { Authorization: bearer(`${token} ${other}`) },
  }),
  'two tokens with a comma between them': (token, other) => ({
    headers: { Authorization: `${bearer(token)}, ${bearer(other)}` },
  }),
  'a tab behind Bearer': token => ({ headers: { Authorization: `Bearer\t${token}` } }),
  'no space behind Bearer': token => ({ headers: { Authorization: `Bearer${token}` } }),
  'a colon behind Bearer': token => ({ headers: { Authorization: `Bearer: ${token}` } }),
  'the token in quotes': token => ({ headers: { Authorization: `Bearer "${token}"` } }),
  'the token as a parameter': token => ({ headers: { Authorization: `Bearer token="${token}"` } }),
  'a letter beyond ASCII behind the token': token => ({ headers: { Authorization: bearer(`${token}é`) } }),
  'the token in the address': token => ({ path: `/mcp?access_token=${token}` }),
  'the token in the address, its name encoded': token => ({ path: `/mcp?a=b&%61ccess_token=${token}` }),
  'the token in the address and in its place': token => ({
    path: `/mcp?access_token=${token}`,
    headers: { Authorization: bearer(token) },
  }),
  'an empty token in the address, a good one in its place': token => ({
    path: '/mcp?access_token=',
    headers: { Authorization: bearer(token) },
  }),
}

/** Each no attempt at all, as far as the server looks. */
export const UNSEEN: Readonly<Record<string, (token: string) => Misplaced>> = {
  nothing: () => ({}),
  'the token in a form': token => ({
    body: `access_token=${token}`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  }),
  'the token in a cookie': token => ({ headers: { Cookie: `access_token=${token}; Authorization=Bearer ${token}` } }),
  'the token in Proxy-Authorization': token => ({ headers: { 'Proxy-Authorization': bearer(token) } }),
  'the token in other headers': token => ({
    headers: { 'X-Access-Token': token, 'X-Forwarded-Authorization': bearer(token), 'X-Authorization': bearer(token) },
  }),
  'a user that a proxy is said to know': () => ({
    headers: {
      'X-Forwarded-User': 'ada',
      'X-Remote-User': 'ada',
      Forwarded: 'for=127.0.0.1',
      'X-Forwarded-For': '127.0.0.1',
    },
  }),
  'somebody’s word within the message': token => ({
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: { _meta: { authorization: bearer(token), access_token: token } },
    }),
  }),
}
