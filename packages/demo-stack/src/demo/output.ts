import { styleText } from 'node:util'

/** Prints the demo to a terminal, and counts failed checks. */
export class DemoOutput {
  failures = 0

  title(text: string): void {
    this.#line(`\n${styleText('bold', text)}`)
  }

  say(text: string): void {
    this.#line(`  ${text}`)
  }

  check(passed: boolean, text: string): void {
    if (!passed) this.failures += 1
    this.#line(`  ${passed ? styleText('green', '✓') : styleText('red', '✗ FAILED:')} ${text}`)
  }

  /** A question that a server asks the person, and the answer. */
  question(text: string, answer: string): void {
    for (const line of text.split('\n')) this.#line(`  ${styleText('yellow', '│')} ${line}`)
    this.#line(`  ${styleText('yellow', '│')} → The person answers: ${answer}`)
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`)
  }
}
