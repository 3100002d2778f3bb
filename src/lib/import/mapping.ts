import { UsageError } from '../model/errors.js';
import { parseInterval } from '../model/interval.js';
import { isRounded } from '../model/numbers.js';
import { columnsOf, type RecordType, type Side } from '../model/records.js';
import { didYouMean } from '../model/suggestion.js';
import { inferFields, neededOf } from './generic-layout.js';
import type { ImportOptions } from './options.js';
import type { Facts, Fields, Preset } from './preset.js';
import { isOwnLayout, presetOf, recognise } from './recognition.js';
import type { Row, Table } from './table.js';
import { isMissing, needsZone, type TimeUnit, unitOf } from './values.js';
import { parseZone, type Zone } from './zone.js';

/** How the rows of one file become records. */
export type Mapping = {
  readonly preset: Preset | undefined;
  readonly type: RecordType;
  readonly columns: readonly string[];
  readonly fields: Fields;
  /** What holds for all rows, unless a column says it. */
  readonly facts: Facts;
  /** By column: the unit of its times. */
  readonly units: ReadonlyMap<string, TimeUnit>;
  readonly zone: Zone | undefined;
  readonly sides: Readonly<Record<string, Side>> | undefined;
  readonly decimal: '.' | ',';
};

const IDENTITY = ['exchange', 'market', 'symbol', 'interval'] as const;

/**
 * Decides how a file is read: by the flags, else by its preset, else by its own column names. Throws a `UsageError` that
 * names the flag which settles it when more than one reading fits, or when a flag contradicts the file.
 */
export function buildMapping(table: Table, sample: readonly Row[], options: ImportOptions): Mapping {
  const width = table.header?.length ?? sample[0]?.cells.length ?? 0;
  const found = recognise(table, sample, options.preset === undefined ? undefined : presetOf(options.preset));
  const preset = options.as !== undefined && found && found.preset.type !== options.as ? undefined : found?.preset;
  if (preset?.refused !== undefined && options.columns === undefined)
    throw new UsageError(`${table.path}: ${preset.about.split(':')[0]}: ${preset.refused}`);
  const columns = preset && found ? found.columns : (table.header ?? Array.from({ length: width }, (_, at) => String(at + 1)));
  const given = givenFields(table, columns, options);
  const inferred = preset && found ? { type: preset.type, fields: found.fields } : inferFields(table, columns, given, options);
  const { side, ...others } = { ...inferred.fields, ...given };
  const fields = side === undefined || isNoSide('side', options.columns?.side ?? '') ? others : { ...others, side };
  requireKnown(table, inferred.type, fields);
  requireNumbers(table, inferred.type, fields);
  requireUnits(table, fields, preset);
  requireComplete(table, inferred.type, fields, preset);
  if (inferred.type === 'trade' && !preset) requireSide(table, { columns, fields }, sample, options);
  requireDecimal(table, { columns, type: inferred.type, fields }, sample, options);
  const known = { type: inferred.type, fields, columns, preset, facts: preset && found ? found.facts : {} };
  const facts = factsOf(table, known, sample, options);
  const times = timeColumns(inferred.type, fields, preset);
  return {
    preset,
    type: inferred.type,
    columns,
    fields,
    facts,
    ...unitsOf(table, { columns, times, preset }, sample, options),
    sides: options.sides ?? preset?.sides,
    decimal: options.decimal,
  };
}

/** Returns `--columns` with the names of columns in the file. */
function givenFields(table: Table, columns: readonly string[], { columns: given = {} }: ImportOptions): Fields {
  const fields = Object.entries(given).flatMap(([field, column]) => {
    if (isNoSide(field, column) && !columns.includes(column)) return [];
    if (columns.includes(column)) return [[field, column]];
    const position = /^\d+$/.test(column) ? columns[Number(column) - 1] : undefined;
    if (position !== undefined) return [[field, position]];
    const other = columns.find((name) => name.toLowerCase() === column.toLowerCase());
    if (other !== undefined) return [[field, other]];
    const quotient = quotientOf(column, columns);
    if (quotient) return [[field, `${quotient.of}/${quotient.by}`]];
    throw new UsageError(`${table.path}: --columns ${field}=${column}: no such column${didYouMean(column, columns)}`);
  });
  return Object.fromEntries(fields);
}

/** Returns the two columns of `--columns volume=Volume/Close`, undefined for what is no quotient of columns. */
export function quotientOf(column: string, columns: readonly string[]): { readonly of: string; readonly by: string } | undefined {
  const [of, by, more] = column
    .split('/')
    .map((name) => columns.find((known) => known.toLowerCase() === name.trim().toLowerCase()));
  return of === undefined || by === undefined || more !== undefined ? undefined : { of, by };
}

function requireKnown(table: Table, type: RecordType, fields: Fields): void {
  const known = columnsOf(type).map(([name]) => name);
  const unknown = Object.keys(fields).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw new UsageError(`${table.path}: --columns: a ${type} has no field ${unknown}${didYouMean(unknown, known)}`);
}

function requireNumbers(table: Table, type: RecordType, fields: Fields): void {
  for (const [name, { kind }] of columnsOf(type)) {
    const column = fields[name];
    if (column === undefined || kind === 'number' || !quotientOf(column, table.header ?? []) || table.header?.includes(column))
      continue;
    throw new UsageError(`${table.path}: --columns ${name}=${column}: only a number can be the quotient of two columns`);
  }
}

/** Columns that the source counts in another unit than the field: taken as they are, they would be wrong without a word. */
function requireUnits(table: Table, fields: Fields, preset: Preset | undefined): void {
  const { field, column, advice } = preset?.otherUnit ?? {};
  if (field === undefined || fields[field] !== column) return;
  throw new UsageError(`${table.path}: --columns ${field}=${column} contradicts the preset ${preset?.name}: ${advice}`);
}

/** `--columns side=none` says that trades have no side. */
function isNoSide(field: string, column: string): boolean {
  return field === 'side' && column.toLowerCase() === 'none';
}

const SIDE_NAME = /side|direction|taker|maker|aggressor/i;
const SIDE_WORD = /^(buy|sell|b|s|bid|ask|long|short|true|false|taker|maker)$/i;

/** Trades without side lose their delta: a column that may be the side is not passed over in silence. */
function requireSide(
  table: Table,
  { columns, fields }: Pick<Known, 'columns' | 'fields'>,
  sample: readonly Row[],
  { columns: given = {} }: ImportOptions,
): void {
  if (fields.side !== undefined || isNoSide('side', given.side ?? '')) return;
  const used = new Set(Object.values(fields));
  const column = columns.find((name, at) => {
    if (used.has(name)) return false;
    const cells = sample.map(({ cells: row }) => row[at]?.trim() ?? '').filter((cell) => !isMissing(cell));
    return SIDE_NAME.test(name) || (cells.length > 0 && cells.every((cell) => SIDE_WORD.test(cell)));
  });
  if (column === undefined) return;
  throw new UsageError(
    `${table.path}: column ${column} may be the side of the taker: --columns side=${column} takes it, --columns side=none says that the trades have none`,
  );
}

/** A preset may leave to the user what a column counts: Yahoo's Volume of a crypto pair is in dollars. */
function requireComplete(table: Table, type: RecordType, fields: Fields, preset: Preset | undefined): void {
  const missing = neededOf(type).filter((name) => !(name in fields));
  if (!preset || preset.hasLevels || missing.length === 0) return;
  const { field, column, advice } = preset.otherUnit ?? {};
  if (missing.length === 1 && missing[0] === field)
    throw new UsageError(`${table.path}: the preset ${preset.name} does not take ${column} as ${field}: ${advice}`);
  throw new UsageError(
    `${table.path}: ${preset.about}; --columns ${missing.map((name) => `${name}=COLUMN`).join(',')} says which column has it`,
  );
}

/** `67,540` may be a decimal comma or a thousands separator: one is a thousand times the other. */
function requireDecimal(
  table: Table,
  { columns, type, fields }: Pick<Known, 'columns' | 'type' | 'fields'>,
  sample: readonly Row[],
  { decimal }: ImportOptions,
): void {
  if (decimal === ',') return;
  const numbers = columnsOf(type).flatMap(([name, { kind }]) =>
    kind === 'number' && fields[name] !== undefined ? [fields[name]] : [],
  );
  for (const column of numbers) {
    const at = columns.indexOf(column);
    const cell = sample.map(({ cells }) => cells[at]?.trim() ?? '').find((text) => /^[+-]?\d+,\d+$/.test(text));
    if (cell === undefined) continue;
    throw new UsageError(
      `${table.path}: column ${column} has numbers such as ${cell}: --decimal , reads a decimal comma; thousands separators must be removed`,
    );
  }
}

type Known = {
  readonly type: RecordType;
  readonly fields: Fields;
  readonly columns: readonly string[];
  readonly preset: Preset | undefined;
  readonly facts: Facts;
};

/** Returns exchange, market, symbol and interval as far as no column has them. Throws when one is unknown or contradicted. */
function factsOf(table: Table, known: Known, sample: readonly Row[], options: ImportOptions): Facts {
  const { type, fields, columns, preset, facts } = known;
  const ofRow = preset?.ofRow?.({
    exchange: cellOf(columns, fields.exchange, sample),
    symbol: cellOf(columns, fields.symbol, sample),
  });
  const result: Record<string, string | undefined> = { label: facts.label };
  const missing: string[] = [];
  for (const name of IDENTITY) {
    if (name === 'interval' && type !== 'candle') continue;
    const flag = name === 'symbol' ? '--symbols' : `--${name}`;
    const given = name === 'interval' ? intervalName(options.interval, flag) : options[name];
    const cell = ofRow?.[name] ?? cellOf(columns, fields[name], sample);
    const named = name === 'interval' ? intervalName(facts.interval, table.path) : facts[name];
    const said = cell ?? named;
    if (given !== undefined && said !== undefined && plain(name, said) !== plain(name, given))
      throw new UsageError(`${table.path}: ${flag} ${given} contradicts the file, which says ${said}`);
    result[name] = given ?? named;
    if (cell === undefined && result[name] === undefined) missing.push(flag);
  }
  if (missing.length > 0)
    throw new UsageError(
      `${table.path}: the file does not say ${missing.map((flag) => FLAG_MEANING[flag]).join(', ')}; give ${missing.join(', ')}`,
    );
  return result as Facts;
}

const FLAG_MEANING: Readonly<Record<string, string>> = {
  '--exchange': 'its exchange',
  '--market': 'its market (spot, linear or inverse)',
  '--symbols': 'its symbol',
  '--interval': 'the interval of its candles',
};

function cellOf(columns: readonly string[], column: string | undefined, sample: readonly Row[]): string | undefined {
  if (column === undefined) return undefined;
  const at = columns.indexOf(column);
  return sample.map(({ cells }) => cells[at]?.trim() ?? '').find((cell) => cell !== '');
}

/** Spellings of one thing are no contradiction: `btcusdt`, `BTC/USDT:USDT` and `BTCUSDT`; `60m` and `1h`. */
function plain(name: string, value: string): string {
  if (name === 'interval') return intervalName(value, 'interval') ?? value;
  const short = name === 'symbol' ? value.replace(/:[^:]*$/, '').replace(/_(UMCBL|DMCBL|CMCBL|SPBL)$/i, '') : value;
  return short.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

function intervalName(text: string | undefined, what: string): string | undefined {
  if (text === undefined) return undefined;
  try {
    return parseInterval(text).name;
  } catch {
    throw new UsageError(`${what}: expected an interval of whole seconds up to 1w, was "${text}"`);
  }
}

/** Returns the columns that hold times. */
function timeColumns(type: RecordType, fields: Fields, preset: Preset | undefined): string[] {
  const parts = [{ type, columns: fields }, ...(preset?.also ?? [])];
  const names = parts.flatMap(({ type: one, columns }) =>
    columnsOf(one).flatMap(([name, { kind }]) => (kind === 'time' && columns[name] !== undefined ? [columns[name]] : [])),
  );
  return [...new Set(names)];
}

type TimeFacts = {
  readonly columns: readonly string[];
  readonly times: readonly string[];
  readonly preset: Preset | undefined;
};

function unitsOf(table: Table, { columns, times, preset }: TimeFacts, sample: readonly Row[], options: ImportOptions) {
  const units = new Map<string, TimeUnit>();
  let zone = options.inputTz === undefined ? undefined : parseZone(options.inputTz);
  let usesZone = false;
  for (const column of times) {
    const at = columns.indexOf(column);
    const cells = sample.map(({ cells }) => cells[at]?.trim() ?? '').filter((cell) => !isMissing(cell));
    const unit = table.utcColumns.has(column) ? 'us' : unitOfColumn(table, column, cells, preset, options);
    units.set(column, unit);
    if (unit !== 'iso' || !cells.some(needsZone)) continue;
    usesZone = true;
    const ofLayout = preset?.zone ?? (table.wallColumns.has(column) && isOwnLayout(table) ? 'UTC' : undefined);
    zone ??= ofLayout === undefined ? undefined : parseZone(ofLayout);
    if (!zone)
      throw new UsageError(
        `${table.path}: times such as ${cells.find(needsZone)} name no time zone; --input-tz says which (UTC, +08:00, Europe/Berlin)`,
      );
  }
  if (options.inputTz !== undefined && !usesZone && sample.length > 0)
    throw new UsageError(`${table.path}: --input-tz contradicts the file: its times are UTC by themselves`);
  return { units, zone };
}

function unitOfColumn(
  table: Table,
  column: string,
  cells: readonly string[],
  preset: Preset | undefined,
  { timeUnit }: ImportOptions,
): TimeUnit {
  const found = [...new Set(cells.map((cell) => unitOf(cell)))];
  const [first] = found;
  const named = column === '' ? 'its first column' : `column ${column}`;
  const example = cells[0]?.slice(0, 30);
  if (timeUnit !== undefined) {
    if (found.length > 0 && !found.includes(timeUnit) && first !== undefined)
      throw new UsageError(`${table.path}: --time-unit ${timeUnit} contradicts ${named}: ${example} is a time in ${first}`);
    return timeUnit;
  }
  if (found.length === 0) return preset?.units[0] ?? 'us';
  if (found.length > 1)
    throw new UsageError(
      `${table.path}: ${named} has times of several units (${found.map((unit) => unit ?? 'none').join(', ')}); --time-unit says which is right`,
    );
  if (first === undefined) {
    const rounded = isRounded(example ?? '') ? ' (rounded by a spreadsheet: export it as text)' : '';
    throw new UsageError(
      `${table.path}: ${named} has no times of 2009 to 2100: ${example}${rounded}; --columns timestamp=COLUMN names the right one`,
    );
  }
  if (preset && !preset.units.includes(first))
    throw new UsageError(
      `${table.path}: the preset ${preset.name} has times in ${preset.units.join(' or ')}, but ${example} is a time in ${first}; --time-unit ${first} accepts it`,
    );
  return first;
}
