import { createHash } from 'node:crypto'

/** The style of all pages. Text has a contrast of at least 7 to 1 in the light and the dark theme. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --around: #eef0f3; --line: #8a939e; --mark: #0b4fa8;
  --on-mark: #fff; --bad: #9c1c1c }
@media (prefers-color-scheme: dark) { :root { --ink: #eceff2; --paper: #1b1f24; --around: #101316; --line: #7b8590;
  --mark: #9cc5ff; --on-mark: #0b1420; --bad: #ffb3ad } }
body { margin: 0; background: var(--around); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { box-sizing: border-box; max-width: 30rem; margin: 8vh auto 2rem; padding: 2rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: .5rem; overflow-wrap: anywhere }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25 }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: .3rem }
button { padding: .6rem 1.4rem; font: inherit; font-weight: 600; border: 1px solid var(--mark); border-radius: .3rem;
  color: var(--mark); background: transparent; cursor: pointer }
button.main { color: var(--on-mark); background: var(--mark) }
:is(button, input):focus-visible { outline: 3px solid var(--mark); outline-offset: 2px }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 0 }
.bad { padding: .5rem .75rem; border-left: 4px solid var(--bad); color: var(--bad) }
.small { font-size: .9rem }
ul { padding-left: 1.25rem }
`

/** The hash of the style, so that the Content-Security-Policy allows no other style. */
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`
