import type { Kind } from '../finding.ts'

/** What can be found by spoiling the arguments of a call. */
export const ARGUMENT_KINDS = {
  ARGUMENT_UNKNOWN_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'an argument that the schema forbids is accepted',
    why: 'The schema says that there are no other arguments, the handler takes them: whatever it passes on unread (a filter, a flag, an owner) is in the hands of whoever talks to the model.',
    narrow: 'Refuse unknown arguments in the handler: z.strictObject, additionalProperties: false with a validator.',
  },
  ARGUMENT_UNKNOWN_IGNORED: {
    item: 2,
    severity: 'warning',
    title: 'unknown arguments are accepted',
    why: 'The schema allows any further argument and the handler takes it: nobody can list what it may be told.',
    narrow: 'Publish additionalProperties: false, and refuse unknown arguments in the handler.',
  },
  PROTOTYPE_KEY_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'an argument named like a part of the language is accepted',
    why: 'A key such as __proto__ or constructor that is merged into an object changes what other code sees in it.',
    narrow: 'Refuse unknown arguments before anything is copied or merged; build objects from known names only.',
  },
  TYPE_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a value of the wrong type is accepted',
    why: 'Code that was written for a text gets an object or a list: query operators, string checks that are passed by, crashes.',
    narrow: 'Check the type of every field in the handler, without turning one type into another.',
  },
  REQUIRED_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a call without a required argument is accepted',
    why: 'What a missing value means (all records, no filter, a default account) was decided by nobody.',
    narrow: 'Refuse the call in the handler if a required argument is missing.',
  },
  BOUND_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a value beyond a published bound is accepted',
    why: 'The bound keeps out what is too long, too many or too far, and only clients that keep to it keep it.',
    narrow: 'Check lengths, counts and ranges in the handler as well.',
  },
  ENUM_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a word outside the published choice is accepted',
    why: 'A closed choice is what makes the range of outcomes countable; open, it is a free text that reaches the backend.',
    narrow: 'Compare with the closed list in the handler.',
  },
  PATTERN_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a text that breaks its published pattern is accepted',
    why: 'A pattern is mostly there to keep separators, spaces and control characters out of ids and names.',
    narrow: 'Test the same pattern in the handler, anchored at both ends.',
  },
  FORMAT_NOT_ENFORCED: {
    item: 2,
    severity: 'error',
    title: 'a text that is not of its published format is accepted',
    why: 'What is not an address, a date or an id passes as one, and whatever reads it next decides what it means.',
    narrow: 'Check the format in the handler: JSON Schema validators do so only when told.',
  },
  SIZE_NOT_BOUNDED: {
    item: 2,
    severity: 'warning',
    title: 'a text of a million characters is accepted',
    why: 'Anybody who talks to the model can fill memory, disk or a backend’s quota through it.',
    narrow: 'Publish a maxLength for every text, and check it in the handler.',
  },
  ARGUMENTS_SHAPE_ACCEPTED: {
    item: 2,
    severity: 'error',
    title: 'arguments that are no object are accepted',
    why: 'A list or a text in place of the arguments passes by every check of a field.',
    narrow: 'Refuse a call whose arguments are not an object.',
  },
  REFUSAL_AS_SUCCESS: {
    item: 2,
    severity: 'error',
    title: 'a refused call is reported as a success',
    why: 'The words say no, the reply says yes: clients, logs and limits that count failures see none.',
    narrow: 'Answer a refused call with isError: true, or with an error of JSON-RPC.',
  },
  CALL_UNANSWERED: {
    item: 2,
    severity: 'error',
    title: 'a call got no answer, or ended the server',
    why: 'One spoiled argument from one caller stalls or ends the server for everybody behind it.',
    narrow: 'Answer every call within a deadline, and turn every fault of a handler into an error reply.',
  },
} as const satisfies Record<string, Kind>

export type ArgumentCode = keyof typeof ARGUMENT_KINDS
