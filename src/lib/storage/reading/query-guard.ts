import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { didYouMean } from '../../model/suggestion.js';
import type { Database } from '../database/duckdb.js';

/** Table functions that read nothing but their arguments. */
const TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree', 'repeat', 'repeat_row']);

/** Functions that reach outside of the statement: environment, log, other statements, sequences, variables. */
const REFUSED_FUNCTIONS =
  /^(getenv|getvariable|current_setting|set_config|write_log|query|query_table|nextval|currval|sleep|sleep_ms|json_execute_serialized_sql|from_substrait|read_.*|parquet_.*|sniff_csv|glob|.*_scan|pragma_.*|duckdb_.*|pg_.*|enable_.*|disable_.*|force_checkpoint|checkpoint)$/;

/** Catalogue tables that list the views, and the names under which SHOW is serialised. */
const CATALOGUE = new Set(['information_schema.tables', 'information_schema.columns']);
const SHOWN = new Set(['"tables"', 'tables', '__show_tables_expanded']);

/** The tables that a statement reads. */
export type StatementPlan = {
  /** Names of tables and views that it does not define itself, lower case. */
  readonly tables: ReadonlySet<string>;
  /** DESCRIBE, SUMMARIZE, SHOW, or a query of the catalogue: CREATE TABLE AS does not work with these. */
  readonly isCatalogue: boolean;
};

type Node = Readonly<Record<string, unknown>>;

/**
 * Returns the tables that one SELECT statement reads; `isView` decides which names are allowed. Throws a `FailureError`
 * for everything else: a statement that cannot be checked is refused.
 */
export async function planStatement(database: Database, sql: string, isView: (name: string) => boolean): Promise<StatementPlan> {
  const [row] = await database.rows('SELECT json_serialize_sql($1::VARCHAR) AS statement', [sql]);
  const { error, error_message, statements } = JSON.parse(String(row?.statement));
  if (error) throw refusal(error_message);
  if (statements.length !== 1) throw new FailureError(`expected one SQL statement, found ${statements.length}`);
  const found: Found = { tables: new Set(), defined: new Set() };
  walk(statements[0], found);
  const tables = new Set([...found.tables].filter((name) => !found.defined.has(name)));
  for (const name of tables) {
    if (!isView(name) && !CATALOGUE.has(name))
      throw new FailureError(`no view "${name}"${didYouMean(name, RECORD_TYPES) || '; mdtool query lists the views'}`);
  }
  const isShow = statements[0].node?.from_table?.type === 'SHOW_REF';
  return { tables, isCatalogue: isShow || [...tables].some((name) => CATALOGUE.has(name)) };
}

function refusal(message: unknown): FailureError {
  const text = String(message);
  if (!text.includes('Only SELECT')) return new FailureError(`SQL: ${text.split('\n')[0]}`);
  return new FailureError(
    'expected one read-only statement: SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE or SHOW TABLES; statements that write, SET, PRAGMA, EXPLAIN, and PIVOT without an IN list are refused',
  );
}

type Found = { readonly tables: Set<string>; readonly defined: Set<string> };

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
  if (node.type === 'BASE_TABLE') found.tables.add(qualified(node));
  if (node.type === 'SHOW_REF') visitShow(node, found);
  if (node.type === 'TABLE_FUNCTION') visitTableFunction(node);
  if (node.class === 'FUNCTION') refuseFunction(node);
  const definitions = (node.cte_map as Node | undefined)?.map;
  if (Array.isArray(definitions)) for (const { key } of definitions) found.defined.add(String(key).toLowerCase());
}

function qualified({ catalog_name, schema_name, table_name }: Node): string {
  const schema = [catalog_name, schema_name].filter((part) => part && part !== 'main' && part !== 'memory').join('.');
  return `${schema ? `${schema}.` : ''}${table_name}`.toLowerCase();
}

function visitShow(node: Node, found: Found): void {
  const name = String(node.table_name ?? '').toLowerCase();
  if (name !== '' && !SHOWN.has(name)) found.tables.add(name.replace(/^"(.*)"$/, '$1'));
}

function visitTableFunction(node: Node): void {
  const called = node.function as Node | undefined;
  const name = String(called?.function_name ?? '').toLowerCase();
  if (!TABLE_FUNCTIONS.has(name) || called?.schema || called?.catalog)
    throw new FailureError(`the table function ${name || '?'} is not allowed: a query can only read the views of the store`);
}

function refuseFunction(node: Node): void {
  const name = String(node.function_name ?? '').toLowerCase();
  if (REFUSED_FUNCTIONS.test(name))
    throw new FailureError(`the function ${name} is not allowed: a query can only read the views of the store`);
}
