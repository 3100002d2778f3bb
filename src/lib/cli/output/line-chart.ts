import { counted } from '../../model/counted.js';
import { formatCount } from '../../model/number-format.js';
import { zonedTime } from '../time-zone.js';

export type ChartPoint = { readonly timestamp: number; readonly value: number | undefined };

const HEIGHT = 12;
/** Dots of a braille cell, by column and row: a cell is two points wide and four high. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BLANK = 0x2800;

/**
 * Returns a line chart of at most `width` characters. Each column of dots shows the range of its values, so that no spike
 * is lost. Seconds without a value stay blank.
 */
export function lineChart(title: string, points: readonly ChartPoint[], width: number): string {
  const values = points.flatMap(({ value }) => (value === undefined ? [] : [value]));
  if (values.length === 0) return `${title}: no values in ${counted(points.length, 'row')}`;
  const low = values.reduce((minimum, value) => Math.min(minimum, value));
  const high = values.reduce((maximum, value) => Math.max(maximum, value));
  const labels = [high, (high + low) / 2, low].map(labelText);
  const margin = Math.max(...labels.map((label) => label.length)) + 2;
  const columns = Math.max(10, width - margin);
  const rows = drawn(points, columns, low, high);
  const lines = rows.map((row, index) => `${labelAt(index, labels).padStart(margin - 2)} ┤${row}`);
  return [
    `${title}  (${formatCount(values.length)} of ${counted(points.length, 'row')})`,
    ...lines,
    axis(points, margin, columns),
  ].join('\n');
}

function labelAt(row: number, [top = '', middle = '', bottom = '']: readonly string[]): string {
  if (row === 0) return top;
  if (row === HEIGHT - 1) return bottom;
  return row === Math.floor(HEIGHT / 2) ? middle : '';
}

function drawn(points: readonly ChartPoint[], columns: number, low: number, high: number): string[] {
  const cells = Array.from({ length: HEIGHT }, () => new Uint16Array(columns));
  const steps = HEIGHT * 4 - 1;
  const at = (value: number) => (high === low ? Math.floor(steps / 2) : Math.round(((high - value) / (high - low)) * steps));
  const dots = columns * 2;
  let before: number | undefined;
  for (let dot = 0; dot < dots; dot++) {
    const span = spanOf(points, Math.floor((dot * points.length) / dots), Math.floor(((dot + 1) * points.length) / dots));
    if (span === undefined) {
      if (points.length >= dots) before = undefined;
      continue;
    }
    const [top, bottom] = [at(span.high), at(span.low)];
    const from = before === undefined ? top : Math.min(top, before + 1);
    const until = before === undefined ? bottom : Math.max(bottom, before - 1);
    for (let step = from; step <= until; step++) mark(cells, dot, step);
    before = at(span.last);
  }
  return cells.map((row) => [...row].map((cell) => (cell === 0 ? ' ' : String.fromCharCode(BLANK + cell))).join(''));
}

function mark(cells: readonly Uint16Array[], dot: number, step: number): void {
  const row = cells[Math.floor(step / 4)];
  const column = dot >> 1;
  if (row) row[column] = (row[column] ?? 0) | (DOTS[(dot & 1) as 0 | 1][step % 4] as number);
}

function spanOf(points: readonly ChartPoint[], from: number, until: number) {
  let span: { low: number; high: number; last: number } | undefined;
  for (let index = from; index < until; index++) {
    const value = points[index]?.value;
    if (value === undefined) continue;
    span = { low: Math.min(span?.low ?? value, value), high: Math.max(span?.high ?? value, value), last: value };
  }
  return span;
}

function axis(points: readonly ChartPoint[], margin: number, columns: number): string {
  const [first, last] = [points[0], points.at(-1)].map((point) => zonedTime(point?.timestamp ?? 0).slice(0, 19));
  const room = Math.max(1, columns - `${first}${last}`.length);
  return `${' '.repeat(margin)}${first}${' '.repeat(room)}${last}`;
}

function labelText(value: number): string {
  return String(Number(value.toPrecision(5)));
}
