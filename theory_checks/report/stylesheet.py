"""The look of the HTML report: one column, readable on a phone, light or dark as the reader prefers."""

CSS = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1c2127; --muted: #5c6670; --line: #dfe3e8;
  --holds: #1a7f4b; --refuted: #c0262d; --inconclusive: #8a6100; --code: #eef0f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2126; --ink: #e4e8ec; --muted: #9aa5b1; --line: #333a42;
    --holds: #4cc38a; --refuted: #ff7b80; --inconclusive: #e2b340; --code: #262b32;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0; }
h2.paper { margin: 2.5rem 0 0; }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
a { color: inherit; }
p { margin: .6rem 0; }
.muted { color: var(--muted); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.25rem; margin: 1.25rem 0; }
.claim { border-left: .3rem solid var(--line); scroll-margin-top: 1rem; }
.claim.holds { border-left-color: var(--holds); }
.claim.refuted { border-left-color: var(--refuted); }
.claim.inconclusive { border-left-color: var(--inconclusive); }
.head { display: flex; flex-wrap: wrap; gap: .5rem 1rem; justify-content: space-between;
  align-items: baseline; }
.badge { font-weight: 650; font-size: .85rem; white-space: nowrap; border: 1px solid currentColor;
  border-radius: 1rem; padding: .05rem .65rem; }
.badge.holds { color: var(--holds); }
.badge.refuted { color: var(--refuted); }
.badge.inconclusive { color: var(--inconclusive); }
blockquote { margin: .8rem 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--line); }
.note { background: var(--code); border-radius: .4rem; padding: .6rem .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--muted); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 1rem 0; }
dt { color: var(--muted); }
dd { margin: 0; min-width: 0; }
code, pre { font: .9em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--code); border-radius: .4rem; padding: .7rem .9rem; overflow-x: auto;
  margin: .5rem 0; }
summary { cursor: pointer; color: var(--muted); margin: .5rem 0; }
figure { margin: 1.25rem 0 0; }
figure img { display: block; width: 100%; height: auto; background: #ffffff; padding: .5rem;
  border: 1px solid var(--line); border-radius: .4rem; }
figcaption { color: var(--muted); font-size: .9rem; margin-top: .4rem; }
.strip { display: block; width: 100%; max-width: 40rem; height: auto; margin: .6rem 0; color: var(--ink); }
.strip text { fill: var(--muted); font-size: 11px; }
.strip .bound { stroke: var(--muted); stroke-dasharray: 4 3; }
.strip .holds { stroke: var(--holds); fill: var(--holds); }
.strip .refuted { stroke: var(--refuted); fill: var(--refuted); }
.strip .inconclusive { stroke: var(--inconclusive); fill: var(--inconclusive); }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
@media print { body { background: none; } .card { break-inside: avoid; } }
"""
