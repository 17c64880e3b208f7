import { createHash, timingSafeEqual } from 'node:crypto'

/** A person who can sign in. */
export interface Person {
  /** The stable id in tokens. */
  readonly sub: string
  readonly name: string
  readonly username: string
  readonly password: string
  /** The scopes that this person can grant to apps. */
  readonly scopes: readonly string[]
}

/** The people of the demo. Their passwords are public, which is safe because the provider listens on loopback only. */
export const DEMO_PEOPLE: readonly Person[] = [
  {
    sub: 'person-ada',
    name: 'Ada Lovelace',
    username: 'ada',
    password: 'demo-password-ada',
    scopes: ['blog:read', 'blog:publish', 'blog:deploy', 'crm:read', 'tickets:read', 'tickets:write'],
  },
  {
    sub: 'person-grace',
    name: 'Grace Hopper',
    username: 'grace',
    password: 'demo-password-grace',
    scopes: ['blog:read', 'crm:read', 'tickets:read'],
  },
]

/** Finds the person with this username and password. Takes the same time for unknown usernames. */
export function findPerson(people: readonly Person[], username: string, password: string): Person | undefined {
  const person = people.find(each => each.username === username.trim().toLowerCase())
  const matches = timingSafeEqual(digest(password), digest(person?.password ?? ''))
  return matches ? person : undefined
}

/** @throws RangeError if two people have the same id or username */
export function checkPeople(people: readonly Person[]): void {
  for (const key of ['sub', 'username'] as const) {
    if (new Set(people.map(person => person[key])).size < people.length)
      throw new RangeError(`two people have the same ${key}`)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
