/** Styles of the HTML pages: light or dark like the reader's system, one column on narrow screens. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; --ink: #131722; --paper: #fff; --faint: #6a6d78; --line: #e0e3eb;
  --bad: #c62828; --good: #067a5f; --note: #b26a00; color: var(--ink); background: var(--paper) }
@media (prefers-color-scheme: dark) {
  :root { --ink: #d1d4dc; --paper: #131722; --faint: #8a8e99; --line: #2a2e39; --bad: #f7707a; --good: #42bd9b; --note: #f7a531 }
}
body { max-width: 1180px; margin: 24px auto; padding: 0 16px }
h1 { font-size: 20px; margin: 0 0 4px } h2 { font-size: 15px; margin: 28px 0 8px } a { color: inherit }
.faint { color: var(--faint); overflow-wrap: anywhere } .bad { color: var(--bad) } .good { color: var(--good) }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 10px; margin: 16px 0 }
.tiles div { border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; font-variant-numeric: tabular-nums }
.tiles b { display: block; font-size: 18px; font-weight: 600 } .tiles span { color: var(--faint); font-size: 12px }
#legend, .legend { min-height: 21px; font-size: 12px; font-variant-numeric: tabular-nums; color: var(--faint) }
#chart, .chart { height: 680px; margin: 4px 0; border: 1px solid var(--line) }
.warning { border-left: 3px solid var(--note); padding: 2px 10px; margin: 4px 0 }
.columns { display: flex; flex-wrap: wrap; gap: 0 56px } section { max-width: 100%; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: 2px 0 2px 22px; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left; padding-left: 0 } th { font-weight: 600 }
tr:first-child th { border-bottom: 1px solid var(--line) } tr + tr:hover { background: color-mix(in srgb, var(--line) 45%, transparent) }
#trades .rows { max-height: 420px; overflow: auto } #trades th { position: sticky; top: 0; background: var(--paper) } #trades td, #trades th { padding-left: 14px }
#comparison table { font-size: 12px } #comparison td, #comparison th { padding-left: 12px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; color: var(--faint) }
@media (max-width: 600px) { body { margin: 12px auto; padding: 0 10px } #chart { height: 520px } #legend, .legend { min-height: 36px } table { font-size: 13px } td, th { padding-left: 8px } td { white-space: normal } }
@media print { #chart, .chart { break-inside: avoid } }`;
