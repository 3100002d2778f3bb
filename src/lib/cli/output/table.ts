import { fieldsOf, type RecordProperties } from '../../model/ndjson.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { ColumnKind } from '../../model/schema.js';
import { alignsRight, cellText } from './cell.js';
import type { Paint } from './paint.js';

export type TableColumn = { readonly name: string; readonly kind: ColumnKind };

/** Rows for the eye; `rows` holds one value per column. */
export type Table = { readonly columns: readonly TableColumn[]; readonly rows: readonly (readonly unknown[])[] };

/** A table as text, and the columns for which there was no room. */
export type RenderedTable = { readonly text: string; readonly hidden: readonly string[] };

const BETWEEN = 2;

/** What is looked at first, where the order of the schema is not that of the eye. */
const FIRST: Partial<Record<RecordType, readonly string[]>> = {
  instrument: [
    'exchange',
    'market',
    'symbol',
    'change',
    'changed',
    'kind',
    'status',
    'tick_size',
    'lot_size',
    'min_notional',
    'base',
    'quote',
    'settle',
    'max_leverage',
    'maker_fee',
    'taker_fee',
    'funding_interval_hours',
    'canonical',
    'ccxt',
    'legacy',
  ],
};

/** Shown last: they are long, and rarely what a table is read for. */
const LAST = new Set(['local_timestamp']);

/** Returns the table of records of one type, without columns in which nothing stands. */
export function tableOf(type: RecordType, records: readonly AnyRecord[]): Table {
  const fields = ordered(type).filter(({ property }) =>
    records.some((record) => (record as unknown as RecordProperties)[property] !== undefined),
  );
  return {
    columns: fields.map(({ name, column }) => ({ name, kind: column.kind })),
    rows: records.map((record) => fields.map(({ property }) => (record as unknown as RecordProperties)[property])),
  };
}

function ordered(type: RecordType): ReturnType<typeof fieldsOf> {
  const first = FIRST[type] ?? [];
  const rank = (name: string) => (first.includes(name) ? first.indexOf(name) - first.length : LAST.has(name) ? 1 : 0);
  return [...fieldsOf(type)].sort((a, b) => rank(a.name) - rank(b.name));
}

/**
 * Returns a table no wider than `width`: columns that do not fit are hidden and named, since wrapped lines cannot be
 * read. A single row that is too wide is turned, one line per column.
 */
export async function renderTable(table: Table, width: number, paint: Paint): Promise<RenderedTable> {
  const cells = table.rows.map((row) => row.map((value, index) => cellText(value, columnAt(table, index))));
  const widths = table.columns.map(({ name }, index) => Math.max(name.length, ...cells.map((row) => row[index]?.length ?? 0)));
  const shown = fitting(widths, width);
  if (cells.length === 1 && shown < widths.length) return { text: turned(table, cells[0] ?? [], paint), hidden: [] };
  const { default: CliTable } = await import('cli-table3');
  const columns = table.columns.slice(0, shown);
  const text = new CliTable({
    head: columns.map(({ name }) => paint.heading(name)),
    colAligns: columns.map((column) => (alignsRight(column) ? 'right' : 'left')),
    chars: BORDERLESS,
    style: { 'padding-left': 0, 'padding-right': BETWEEN, head: [], border: [], compact: true },
  });
  for (const row of cells) text.push(row.slice(0, shown));
  return { text: text.toString().replace(/ +$/gm, ''), hidden: table.columns.slice(shown).map(({ name }) => name) };
}

/** Returns how many leading columns fit, at least one. */
function fitting(widths: readonly number[], room: number): number {
  let used = 0;
  for (const [index, width] of widths.entries()) {
    used += width + (index > 0 ? BETWEEN : 0);
    if (used > room) return Math.max(1, index);
  }
  return widths.length;
}

function turned({ columns }: Table, cells: readonly string[], paint: Paint): string {
  const widest = Math.max(...columns.map(({ name }) => name.length));
  return columns.map(({ name }, index) => `${paint.heading(name.padEnd(widest))}  ${cells[index] ?? ''}`).join('\n');
}

function columnAt({ columns }: Table, index: number): TableColumn {
  return columns[index] as TableColumn;
}

/** What cli-table3 needs to draw nothing but cells. */
export const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
