import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PAGE_STYLE } from './html-style.js';

type Page = {
  readonly title: string;
  /** HTML between the title and the end; the caller escapes what it takes from data. */
  readonly body: string;
  /** What the script reads from the element `data`. */
  readonly data: unknown;
  readonly script: string;
};

/** What the licence of the chart library asks of a page. */
export const CHART_LICENCE = `Charts: TradingView Lightweight Charts™
Copyright (c) 2026 TradingView, Inc. <a href="https://www.tradingview.com/">https://www.tradingview.com/</a>
Licensed under the Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0`;

/**
 * Returns one self-contained HTML page with data, styles and the chart library. Its content policy allows only its own two
 * scripts, identified by their hashes.
 */
export function htmlPage({ title, body, data, script }: Page): string {
  const library = chartLibrary();
  const policy = [library, script].map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${policy.join(' ')}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${PAGE_STYLE}</style></head><body>
<h1>${escaped(title)}</h1>
${body}
<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script>${library}</script>
<script>${script}</script>
</body></html>
`;
}

/** Returns a text for HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Returns the chart library. The package has no export for its standalone build, so the file is read by path. */
function chartLibrary(): string {
  const root = dirname(createRequire(import.meta.url).resolve('lightweight-charts/package.json'));
  return readFileSync(join(root, 'dist/lightweight-charts.standalone.production.js'), 'utf8');
}
