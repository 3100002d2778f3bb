import { counted } from '../../model/counted.js';
import { fieldsOf, type RecordProperties } from '../../model/ndjson.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { ColumnKind } from '../../model/schema.js';
import { selectedFields } from '../../sinks/csv.js';
import { alignsRight, cellText } from './cell.js';
import type { Colors } from './colors.js';

type TableColumn = { readonly name: string; readonly kind: ColumnKind };

/** A table for people; each row has one value per column. */
type Table = { readonly columns: readonly TableColumn[]; readonly rows: readonly (readonly unknown[])[] };

/** A table as text, with hints about the columns that it does not show. */
type RenderedTable = { readonly text: string; readonly notes: readonly string[] };

const BETWEEN = 2;

/** Columns shown first, if the order of the schema is not the best to read. */
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

/** Columns shown last: long and rarely read. */
const LAST = new Set(['local_timestamp']);

/** Returns the table of records of one type: the columns asked for, or all that are not empty. */
export function tableOf(type: RecordType, records: readonly AnyRecord[], columns?: readonly string[]): Table {
  const fields = columns ? selectedFields(type, columns) : filled(type, records);
  return {
    columns: fields.map(({ name, column }) => ({ name, kind: column.kind })),
    rows: records.map((record) => fields.map(({ property }) => (record as unknown as RecordProperties)[property])),
  };
}

function filled(type: RecordType, records: readonly AnyRecord[]): ReturnType<typeof fieldsOf> {
  return ordered(type).filter(({ property }) =>
    records.some((record) => (record as unknown as RecordProperties)[property] !== undefined),
  );
}

function ordered(type: RecordType): ReturnType<typeof fieldsOf> {
  const first = FIRST[type] ?? [];
  const rank = (name: string) => (first.includes(name) ? first.indexOf(name) - first.length : LAST.has(name) ? 1 : 0);
  return [...fieldsOf(type)].sort((a, b) => rank(a.name) - rank(b.name));
}

/** A column with its cells as text. */
type Drawn = TableColumn & { readonly cells: readonly string[]; readonly width: number };

/** Column that is always shown, even if all rows have the same value. */
const ALWAYS = 'symbol';
const NAMED = 4;

/**
 * Returns a table at most `width` wide, since wrapped lines cannot be read. If the columns do not fit, those with one value
 * in all rows move to a hint first; of the others, those that do not fit are hidden and named. A single row that is too
 * wide is shown as one line per column.
 */
export async function renderTable(table: Table, width: number, colors: Colors): Promise<RenderedTable> {
  const columns = table.columns.map((column, index): Drawn => {
    const cells = table.rows.map((row) => cellText(row[index], column));
    return { ...column, cells, width: Math.max(column.name.length, ...cells.map(({ length }) => length)) };
  });
  if (fitting(columns, width) === columns.length) return { text: await drawn(columns, table.rows.length, colors), notes: [] };
  if (table.rows.length === 1) return { text: turned(columns, colors), notes: [] };
  const same = columns.filter(isSame);
  const rest = columns.filter((column) => !same.includes(column));
  const shown = rest.slice(0, fitting(rest, width));
  const hidden = rest.slice(shown.length).map(({ name }) => name);
  const notes = [
    ...(same.length > 0 ? [`in all rows: ${same.map(({ name, cells }) => `${name} ${cells[0]}`).join(', ')}`] : []),
    ...(hidden.length > 0 ? [hiddenText(hidden)] : []),
  ];
  return { text: await drawn(shown, table.rows.length, colors), notes };
}

/** Returns whether all rows have one text value. Numbers do not count: readers expect prices and amounts in the table. */
function isSame(column: Drawn): boolean {
  const [first] = column.cells;
  return column.name !== ALWAYS && !alignsRight(column) && first !== '' && column.cells.every((cell) => cell === first);
}

async function drawn(columns: readonly Drawn[], rows: number, colors: Colors): Promise<string> {
  const { default: CliTable } = await import('cli-table3');
  const text = new CliTable({
    head: columns.map(({ name }) => colors.heading(name)),
    colAligns: columns.map((column) => (alignsRight(column) ? 'right' : 'left')),
    chars: BORDERLESS,
    style: { 'padding-left': 0, 'padding-right': BETWEEN, head: [], border: [], compact: true },
  });
  for (let row = 0; row < rows; row++) text.push(columns.map(({ cells }) => cells[row] as string));
  return text.toString().replace(/ +$/gm, '');
}

function hiddenText(columns: readonly string[]): string {
  const names = columns.slice(0, NAMED).join(', ');
  return `… ${counted(columns.length, 'column')} hidden: ${names}${columns.length > NAMED ? ', …' : ''} (use --format ndjson for all)`;
}

/** Returns how many leading columns fit, at least one. */
function fitting(columns: readonly Drawn[], room: number): number {
  let used = 0;
  for (const [index, { width }] of columns.entries()) {
    used += width + (index > 0 ? BETWEEN : 0);
    if (used > room) return Math.max(1, index);
  }
  return columns.length;
}

function turned(columns: readonly Drawn[], colors: Colors): string {
  const widest = Math.max(...columns.map(({ name }) => name.length));
  return columns.map(({ name, cells }) => `${colors.heading(name.padEnd(widest))}  ${cells[0]}`).join('\n');
}

/** Characters that make cli-table3 draw no borders. */
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
