/**
 * What a column may hold. `time` is UTC microseconds; `long` an integer that may exceed 2^53, kept as a decimal
 * string; `levels` a list of `[price, amount]`; `json` any JSON value.
 */
export type ColumnKind = 'time' | 'number' | 'count' | 'long' | 'text' | 'flag' | 'levels' | 'json';

/** One price level of a book: `[price, amount]`. */
export type Level = readonly [price: number, amount: number];

type Values = {
  time: number;
  number: number;
  count: number;
  long: string;
  text: string;
  flag: boolean;
  levels: readonly Level[];
  json: unknown;
};

/** One column of a record type: the single description that NDJSON, CSV, Parquet, DuckDB and the reference share. */
export type Column<Kind extends ColumnKind = ColumnKind, Value = unknown, Required extends boolean = boolean> = {
  readonly kind: Kind;
  readonly required: Required;
  readonly note: string;
  /** The only texts allowed, where the column is an enumeration. */
  readonly values?: readonly string[];
  /** Carries the TypeScript type of the value; never set. */
  readonly value?: Value;
};

const column =
  <Kind extends ColumnKind>(kind: Kind) =>
  (note: string): Column<Kind, Values[Kind], true> => ({ kind, required: true, note });

export const time = column('time');
export const number = column('number');
export const count = column('count');
export const long = column('long');
export const text = column('text');
export const flag = column('flag');
export const levels = column('levels');
export const json = column('json');

/** Returns a text column that allows only `values`. */
export const oneOf = <const Value extends string>(values: readonly Value[], note: string): Column<'text', Value, true> => ({
  kind: 'text',
  required: true,
  note,
  values,
});

/** Returns the same column as optional: absent in NDJSON, NULL in columns. */
export const optional = <Kind extends ColumnKind, Value>(required: Column<Kind, Value, true>): Column<Kind, Value, false> => ({
  ...required,
  required: false,
});

/** The columns of one record type, by their snake_case names, in output order. */
export type Columns = Readonly<Record<string, Column>>;

/** `local_timestamp` → `localTimestamp`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type ValueOf<C> = C extends Column<ColumnKind, infer Value, boolean> ? Value : never;
type RequiredNames<C extends Columns> = { [Name in keyof C]: C[Name]['required'] extends true ? Name : never }[keyof C];

/** The TypeScript shape of a record with these columns: camelCase, read-only, missing values absent or undefined. */
export type Shape<C extends Columns> = {
  readonly [Name in RequiredNames<C> as CamelCase<Name & string>]: ValueOf<C[Name]>;
} & {
  readonly [Name in Exclude<keyof C, RequiredNames<C>> as CamelCase<Name & string>]?: ValueOf<C[Name]> | undefined;
};

/** Returns the camelCase property name of a snake_case column name. */
export function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
