import { createHash, timingSafeEqual } from 'node:crypto'

/** Somebody who can sign in. */
export interface Person {
  /** The stable id that tokens carry. */
  readonly sub: string
  readonly name: string
  readonly username: string
  readonly password: string
  /** The scopes that this person can grant at all; an app never gets more through them. */
  readonly may: readonly string[]
}

/** The people of the demo. Their passwords are no secret: the provider listens on loopback, for development only. */
export const DEMO_PEOPLE: readonly Person[] = [
  {
    sub: 'person-ada',
    name: 'Ada Lovelace',
    username: 'ada',
    password: 'demo-password-ada',
    may: ['blog:read', 'blog:publish', 'blog:deploy', 'crm:read', 'tickets:read', 'tickets:write'],
  },
  {
    sub: 'person-grace',
    name: 'Grace Hopper',
    username: 'grace',
    password: 'demo-password-grace',
    may: ['blog:read', 'crm:read', 'tickets:read'],
  },
]

/** Whoever has this username and password, compared in the same time whether or not the username is anybody's. */
export function whoHas(people: readonly Person[], username: string, password: string): Person | undefined {
  const person = people.find(each => each.username === username.trim().toLowerCase())
  const matches = timingSafeEqual(digest(password), digest(person?.password ?? ''))
  return matches ? person : undefined
}

/** @throws RangeError when two people could not be told apart */
export function checkPeople(people: readonly Person[]): void {
  for (const key of ['sub', 'username'] as const) {
    if (new Set(people.map(person => person[key])).size < people.length) throw new RangeError(`two people: one ${key}`)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
