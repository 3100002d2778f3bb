import { printable } from '../../model/ndjson.js';
import type { Column, Level } from '../../model/schema.js';
import { zonedTime } from '../time-zone.js';

/** Longer texts are cut in tables; files and NDJSON hold everything. */
const WIDEST = 40;

/** Returns a value as text for a table or a line, '' for a missing one. */
export function cellText(value: unknown, column: Pick<Column, 'kind'>): string {
  if (value === undefined || value === null) return '';
  if (column.kind === 'time') return zonedTime(value as number);
  if (column.kind === 'levels') return levelsText(value as readonly Level[]);
  if (column.kind === 'number') return plainNumber(value as number);
  return cut(printable(typeof value === 'object' ? JSON.stringify(value) : String(value)), WIDEST);
}

/** Returns whether values of a column are lined up at their last digit. */
export function alignsRight({ kind }: Pick<Column, 'kind'>): boolean {
  return kind === 'number' || kind === 'count' || kind === 'long';
}

/** Returns a text of at most `width` characters, the cut marked. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Maximum number of decimals. A smaller number is not a price and would be a row of zeros. */
const MOST_DECIMALS = 20;

/** Returns the shortest decimal text, without an exponent. */
export function plainNumber(value: number): string {
  const text = String(value);
  const match = /^-?\d(?:\.(\d+))?e-(\d+)$/.exec(text);
  const decimals = match ? Number(match[2]) + (match[1]?.length ?? 0) : 0;
  return match && decimals <= MOST_DECIMALS ? value.toFixed(decimals) : text;
}

function levelsText(levels: readonly Level[]): string {
  const [best] = levels;
  if (!best) return 'none';
  const more = levels.length > 1 ? ` +${levels.length - 1}` : '';
  return `${plainNumber(best[0])}×${plainNumber(best[1])}${more}`;
}
