import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { didYouMean } from '../../model/suggestion.js';
import type { Database } from '../database/duckdb.js';
import { withPivotValues } from './pivot-values.js';

/** Table functions that read nothing but their arguments. */
const TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree', 'repeat', 'repeat_row']);

/** Functions that reach outside of the statement: environment, log, other statements, sequences, variables. */
const REFUSED_FUNCTIONS =
  /^(getenv|getvariable|current_setting|set_config|write_log|query|query_table|nextval|currval|sleep|sleep_ms|json_execute_serialized_sql|from_substrait|read_.*|parquet_.*|sniff_csv|glob|.*_scan|pragma_.*|duckdb_.*|pg_.*|enable_.*|disable_.*|force_checkpoint|checkpoint)$/;

/** Catalogue tables that list the views, and the names under which SHOW is serialised. */
const CATALOGUE = new Set(['information_schema.tables', 'information_schema.columns']);
const SHOWN = new Set(['"tables"', 'tables', '__show_tables_expanded']);

/** How a statement is run: DESCRIBE, SUMMARIZE and SHOW need parentheses inside another statement. */
type StatementKind = 'select' | 'show' | 'listing' | 'explain' | 'pivot';

/** What a statement reads. */
export type StatementPlan = {
  /** The statement without a final semicolon. */
  readonly sql: string;
  readonly kind: StatementKind;
  /** Names of tables and views that it does not define itself, lower case. */
  readonly tables: ReadonlySet<string>;
  /** Names of files as they are spelled. */
  readonly files: ReadonlySet<string>;
};

/** The names that a statement may read: views, lower case, and files. */
export type ViewNames = { isView(name: string): boolean; isFile(name: string): boolean };

type Node = Readonly<Record<string, unknown>>;

/**
 * Returns what one statement reads; `names` decides which names are allowed. Throws a `FailureError` for everything but a
 * SELECT: a statement that cannot be checked is refused.
 */
export async function planStatement(database: Database, text: string, names: ViewNames): Promise<StatementPlan> {
  const sql = text.trim().replace(/;\s*$/, '');
  const explained = EXPLAIN.exec(sql)?.[1];
  const { statement, isPivot } = await selectIn(database, explained ?? sql);
  const found: Found = { tables: new Map(), defined: new Set() };
  walk(statement, found);
  const { tables, files } = allowed(found, names);
  const isShow = (statement.node as Node | undefined)?.from_table as Node | undefined;
  const isListing = [...tables].some((name) => CATALOGUE.has(name)) || found.isListing === true;
  const kind = isListing ? 'listing' : isShow?.type === 'SHOW_REF' ? 'show' : isPivot ? 'pivot' : 'select';
  return { sql, tables, files, kind: explained === undefined ? kind : 'explain' };
}

/** A plan of the statement behind it. EXPLAIN ANALYZE would run the statement outside of the result. */
const EXPLAIN = /^(?:\s|--[^\n]*\n|\/\*.*?\*\/)*EXPLAIN\s+([\s\S]+)$/i;

/** Returns the syntax tree of a SELECT. A PIVOT without values has none; it is checked with a list of values put in. */
async function selectIn(database: Database, sql: string): Promise<{ readonly statement: Node; readonly isPivot: boolean }> {
  const plain = await serialized(database, sql);
  const isPivot = plain.error === true && /\bPIVOT/i.test(sql) && String(plain.error_message).includes('Only SELECT');
  const { error, error_message, statements = [] } = isPivot ? await serialized(database, withPivotValues(sql)) : plain;
  if (error) throw refusal(isPivot ? plain.error_message : error_message);
  if (statements.length !== 1) throw new FailureError(`expected one SQL statement, found ${statements.length}`);
  return { statement: statements[0] as Node, isPivot };
}

type Serialized = { readonly error: boolean; readonly error_message?: string; readonly statements?: readonly Node[] };

async function serialized(database: Database, sql: string): Promise<Serialized> {
  const [row] = await database.rows('SELECT json_serialize_sql($1::VARCHAR) AS statement', [sql]);
  return JSON.parse(String(row?.statement));
}

function allowed({ tables: found, defined }: Found, { isView, isFile }: ViewNames): Pick<StatementPlan, 'tables' | 'files'> {
  const tables = new Set<string>();
  const files = new Set<string>();
  for (const [name, spelling] of [...found].filter(([name]) => !defined.has(name))) {
    if (!isView(name) && !CATALOGUE.has(name) && isFile(spelling)) files.add(spelling);
    else if (isView(name) || CATALOGUE.has(name)) tables.add(name);
    else throw new FailureError(`no view "${name}"${didYouMean(name, RECORD_TYPES) || '; mdtool query lists the views'}`);
  }
  return { tables, files };
}

function refusal(message: unknown): FailureError {
  const text = String(message);
  if (!text.includes('Only SELECT')) return new FailureError(`SQL: ${text.split('\n')[0]}`);
  return new FailureError(
    'expected one read-only statement: SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN; statements that write, SET, PRAGMA and EXPLAIN ANALYZE are refused',
  );
}

/** Tables by their name in lower case, as they are spelled. */
type Found = { readonly tables: Map<string, string>; readonly defined: Set<string>; isListing?: boolean };

function walk(value: unknown, found: Found): void {
  if (Array.isArray(value)) for (const element of value) walk(element, found);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const node = value as Node;
  visit(node, found);
  for (const [name, child] of Object.entries(node)) {
    // The value of a constant is data, even where it looks like a node.
    if (node.class === 'CONSTANT' && name === 'value') continue;
    walk(child, found);
  }
}

function visit(node: Node, found: Found): void {
  if (node.type === 'BASE_TABLE') found.tables.set(qualified(node).toLowerCase(), qualified(node));
  if (node.type === 'SHOW_REF') visitShow(node, found);
  if (node.type === 'TABLE_FUNCTION') visitTableFunction(node);
  if (node.class === 'FUNCTION') refuseFunction(node);
  const definitions = (node.cte_map as Node | undefined)?.map;
  if (Array.isArray(definitions)) for (const { key } of definitions) found.defined.add(String(key).toLowerCase());
}

function qualified({ catalog_name, schema_name, table_name }: Node): string {
  const schema = [catalog_name, schema_name].filter((part) => part && part !== 'main' && part !== 'memory').join('.');
  return `${schema ? `${schema}.` : ''}${table_name}`;
}

function visitShow(node: Node, found: Found): void {
  const name = String(node.table_name ?? '');
  if (SHOWN.has(name.toLowerCase())) found.isListing = true;
  else if (name !== '') found.tables.set(name.toLowerCase().replace(/^"(.*)"$/, '$1'), name.replace(/^"(.*)"$/, '$1'));
}

const READABLE = "a query reads the views of the store, and files by their names in quotes ('trades.parquet')";

function visitTableFunction(node: Node): void {
  const called = node.function as Node | undefined;
  const name = String(called?.function_name ?? '').toLowerCase();
  if (!TABLE_FUNCTIONS.has(name) || called?.schema || called?.catalog)
    throw new FailureError(`the table function ${name || '?'} is not allowed: ${READABLE}`);
}

function refuseFunction(node: Node): void {
  const name = String(node.function_name ?? '').toLowerCase();
  if (REFUSED_FUNCTIONS.test(name)) throw new FailureError(`the function ${name} is not allowed: ${READABLE}`);
}
