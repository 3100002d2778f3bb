import type { Colors } from '../../lib/cli/output/colors.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import { wrapped } from '../../lib/cli/output/wrap.js';
import { zonedTime } from '../../lib/cli/time-zone.js';
import type { Coverage } from '../../lib/model/records.js';

/** Maximum number of rows for people; above it, findings are listed first. */
const MOST_ROWS = 200;
const BETWEEN = '  ';
const INDENT = '    ';

/** One column. Where room is short, columns with the highest `rank` go first; columns without values always go. */
type Column = {
  readonly heading: string;
  readonly rank: number;
  readonly right?: boolean;
  text(row: Coverage): string;
};

const countText = (count: number | undefined) => (count ? String(count) : '');

const COLUMNS: readonly Column[] = [
  { heading: 'verdict', rank: 0, text: ({ verdict }) => `${MARKS[verdict]} ${verdict}` },
  { heading: 'series', rank: 0, text: ({ exchange, market, symbol }) => `${exchange}:${market}:${symbol}` },
  { heading: 'channel', rank: 0, text: ({ channel }) => channel },
  { heading: 'from', rank: 0, text: ({ fromTimestamp }) => secondOf(fromTimestamp) },
  { heading: 'until', rank: 6, text: untilText },
  { heading: 'records', rank: 1, right: true, text: ({ records }) => String(records) },
  { heading: 'duplicates', rank: 3, right: true, text: ({ duplicates }) => countText(duplicates) },
  { heading: 'out of order', rank: 3, right: true, text: ({ outOfOrder }) => countText(outOfOrder) },
  { heading: 'gaps', rank: 4, right: true, text: ({ gaps }) => countText(gaps) },
  { heading: 'compared', rank: 5, right: true, text: ({ compared }) => countText(compared) },
  { heading: 'differ', rank: 2, right: true, text: ({ mismatches }) => countText(mismatches) },
];

const MARKS: Readonly<Record<Coverage['verdict'], string>> = { whole: '✓', suspect: '?', mismatch: '✗', hole: '✗' };

/** Formats coverage for people: a line per row, and the findings below it in words. */
export const renderCoverage: Render = (records, { width, colors }) => {
  const all = records.filter((record): record is Coverage => record.type === 'coverage');
  if (all.length === 0) return 'nothing is stored of what was asked for';
  const found = all.filter(({ verdict }) => verdict !== 'whole');
  const rows = all.length > MOST_ROWS ? [...found, ...all.filter(({ verdict }) => verdict === 'whole')].slice(0, MOST_ROWS) : all;
  const columns = fitting(rows, width);
  const widths = columns.map(({ heading, text }) => Math.max(heading.length, ...rows.map((row) => text(row).length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (columns[index]?.right ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join(BETWEEN)
      .trimEnd();
  const lines = [colors.heading(line(columns.map(({ heading }) => heading)))];
  for (const row of rows)
    lines.push(coloured(row, line(columns.map(({ text }) => text(row))), colors), ...detailLines(row, width, colors));
  if (all.length > rows.length)
    lines.push(colors.faint(`… ${all.length - rows.length} more rows (--format ndjson or -o FILE gives them all)`));
  return lines.join('\n');
};

function fitting(rows: readonly Coverage[], width: number): Column[] {
  let columns = COLUMNS.filter(({ text }) => rows.some((row) => text(row) !== ''));
  const widthOf = (list: readonly Column[]) =>
    list.reduce(
      (sum, { heading, text }) => sum + Math.max(heading.length, ...rows.map((row) => text(row).length)) + BETWEEN.length,
      0,
    );
  while (widthOf(columns) > width + BETWEEN.length && columns.some(({ rank }) => rank > 0)) {
    const last = Math.max(...columns.map(({ rank }) => rank));
    columns = columns.filter(({ rank }) => rank < last);
  }
  return columns;
}

function coloured({ verdict }: Coverage, line: string, colors: Colors): string {
  if (verdict === 'whole') return line;
  return verdict === 'suspect' ? colors.heading(line) : colors.bad(line);
}

function detailLines({ detail }: Coverage, width: number, colors: Colors): string[] {
  if (typeof detail !== 'string') return [];
  const lines = wrapped(detail, Math.max(20, width - INDENT.length)).split('\n');
  return lines.map((text) => colors.faint(`${INDENT}${text}`));
}

function secondOf(time: number): string {
  return zonedTime(time).slice(0, 19).replace('T', ' ');
}

function untilText({ fromTimestamp, untilTimestamp }: Coverage): string {
  const [from, until] = [secondOf(fromTimestamp), secondOf(untilTimestamp)];
  return from.slice(0, 10) === until.slice(0, 10) ? until.slice(11) : until;
}
