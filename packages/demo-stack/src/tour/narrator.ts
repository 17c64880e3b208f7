import { styleText } from 'node:util'

/** Tells what happens, for a terminal, and keeps count of what did not go as told. */
export class Narrator {
  failures = 0

  title(text: string): void {
    this.#line(`\n${styleText('bold', text)}`)
  }

  say(text: string): void {
    this.#line(`  ${text}`)
  }

  /** One thing that must hold. */
  expect(holds: boolean, text: string): void {
    if (!holds) this.failures += 1
    this.#line(`  ${holds ? styleText('green', '✓') : styleText('red', '✗ NOT AS TOLD:')} ${text}`)
  }

  /** What a person sees when they are asked. */
  question(text: string, answer: string): void {
    for (const line of text.split('\n')) this.#line(`  ${styleText('yellow', '│')} ${line}`)
    this.#line(`  ${styleText('yellow', '│')} → ${answer}`)
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`)
  }
}
