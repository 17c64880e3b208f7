import { availableParallelism, cpus, platform } from 'node:os'
import { median, type Paired, ratios } from './statistics.ts'

/** One row of the results. */
export interface Row {
  readonly measure: string
  readonly ours: string
  readonly bare?: string
  readonly ratio?: string
  readonly target?: string
  /** Undefined if there is no target. */
  readonly met?: boolean
}

/** A row that compares both sides: the medians of all rounds, and the median, minimum and maximum of the ratio. */
export function pairedRow(
  measure: string,
  figures: Paired,
  unit: string,
  digits: number,
  target?: { text: string; met: (ours: number, ratio: number) => boolean },
): Row {
  const show = (value: number): string => `${value.toFixed(digits)} ${unit}`
  const perRound = ratios(figures)
  const ratio = median(perRound)
  const ours = median(figures.ours)
  return {
    measure,
    ours: show(ours),
    bare: show(median(figures.bare)),
    ratio: `${ratio.toFixed(2)} (${Math.min(...perRound).toFixed(2)}–${Math.max(...perRound).toFixed(2)})`,
    ...(target && { target: target.text, met: target.met(ours, ratio) }),
  }
}

/** Formats the results as Markdown. Describes the machine only as far as a reader needs it to judge the figures. */
export function markdown(rows: readonly Row[], load: number): string {
  const [{ model = 'unknown' } = {}] = cpus()
  const missed = rows.filter(({ met }) => met === false).length
  const cells = rows.map(({ measure, ours, bare = '', ratio = '', target = '', met }) => {
    const verdict = met === undefined ? '' : met ? 'yes' : '**no**'
    return [measure, ours, bare, ratio, target, verdict]
  })
  return [
    '# What the guardrails cost',
    '',
    'Each server (“ours”) is compared with a bare server that has the same tools, schemas and backend. The bare server is',
    'written as the SDK’s documentation shows and bundled in the same way, but it has no audit log and no other guardrail.',
    'Both run at the same time and take turns. The ratio is computed for each round; the table shows the median of all',
    'rounds, with the minimum and maximum in parentheses.',
    '',
    'The backend runs on the same machine and responds immediately. With a backend on a network, both servers take longer',
    'and the ratio is lower. Over HTTP, our server verifies an access token with each request, and the bare server has no',
    'authentication. 1 MB is 1,000,000 bytes.',
    '',
    '`pnpm bench` repeats the measurements and writes this page.',
    '',
    `Node ${process.version}, ${platform()}, ${availableParallelism()} × ${model.trim()}, load average ${load.toFixed(1)} at the start.`,
    missed === 0 ? 'All targets are met.' : `${missed} ${missed === 1 ? 'target is' : 'targets are'} missed.`,
    '',
    ...table(['', 'ours', 'bare', 'ours ÷ bare', 'target', 'met'], cells),
    '',
  ].join('\n')
}

/** Formats a Markdown table, with figures aligned to the right and text to the left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const FIGURES = [1, 2, 3]
  const widths = head.map((title, column) => Math.max(3, ...[title, ...rows.map(row => row[column] ?? '')].map(width)))
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => {
      const padding = ' '.repeat((widths[column] ?? 0) - width(cell))
      return FIGURES.includes(column) ? padding + cell : cell + padding
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((size, column) => (FIGURES.includes(column) ? `${'-'.repeat(size - 1)}:` : '-'.repeat(size)))
  return [line(head), line(rule), ...rows.map(line)]
}

/** The width in characters. All characters in the table are one column wide. */
function width(text: string): number {
  return [...text].length
}
