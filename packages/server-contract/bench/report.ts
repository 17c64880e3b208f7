import { availableParallelism, cpus, platform } from 'node:os'
import { median, type Paired, ratios } from './statistics.ts'

/** One line of the result. */
export interface Row {
  readonly measure: string
  readonly ours: string
  readonly bare?: string
  readonly ratio?: string
  readonly target?: string
  /** Undefined where there is no target. */
  readonly met?: boolean
}

/** A figure of both sides: medians over the rounds, and how the ratio of one round lay between its extremes. */
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

/** The whole result as Markdown; nothing of this machine but what a reader needs to judge the figures. */
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
    'Each server as it ships against a bare one with the same tools, schemas and backend, written as the SDK’s',
    'documentation shows, without audit or any other guardrail and bundled in the same way. Both run side by side and',
    'take turns; a ratio is that of one round, and the median of the rounds is given with their extremes. The backend',
    'stands on the same machine and answers at once: one that is a network away takes more of its own time in both, and',
    'the ratio is lower. Over HTTP, ours checks an access token with each request and the bare one lets everybody in.',
    '1 MB is a million bytes. `pnpm bench` measures it anew and writes this page.',
    '',
    `Node ${process.version}, ${platform()}, ${availableParallelism()} × ${model.trim()}, load ${load.toFixed(1)} when it began.`,
    missed === 0 ? 'Every target is met.' : `${missed} of the targets ${missed === 1 ? 'is' : 'are'} missed.`,
    '',
    ...table(['', 'ours', 'bare', 'ours ÷ bare', 'target', 'met'], cells),
    '',
  ].join('\n')
}

/** Aligned as the formatter aligns it: figures to the right, words to the left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const FIGURES = [1, 2, 3]
  const widths = head.map((title, column) => Math.max(3, ...[title, ...rows.map(row => row[column] ?? '')].map(width)))
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => {
      const blanks = ' '.repeat((widths[column] ?? 0) - width(cell))
      return FIGURES.includes(column) ? blanks + cell : cell + blanks
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((size, column) => (FIGURES.includes(column) ? `${'-'.repeat(size - 1)}:` : '-'.repeat(size)))
  return [line(head), line(rule), ...rows.map(line)]
}

/** In characters: all that stand here are one column wide. */
function width(text: string): number {
  return [...text].length
}
