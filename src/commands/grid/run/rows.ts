import { readFile } from 'node:fs/promises';
import { parse } from 'smol-toml';
import { runName } from '../../../lib/cli/run-name.js';
import { UsageError } from '../../../lib/model/errors.js';
import { configFlags } from './flags.js';

/** One run of a file: its name, and its flags as a command line. */
type RunRow = { readonly name: string; readonly argv: readonly string[]; readonly flags: readonly string[] };

/** What a file may say of a run. What confirms real money stands in the command line alone. */
const ALLOWED = new Set([...Object.keys(configFlags), 'account', 'latency', 'paper', 'demo']);

/** Reads runs from a file: NDJSON with a `name` in each row, or TOML with a table per run. Throws a `UsageError`. */
export async function readRows(file: string): Promise<readonly RunRow[]> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UsageError(`@${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? error})`);
  });
  const isNdjson = text.trimStart().startsWith('{');
  const rows = isNdjson ? ndjsonRows(text, file) : tomlRows(text, file);
  if (rows.length === 0) throw new UsageError(`@${file}: no runs`);
  const names = rows.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`@${file}: the run ${twice} stands there twice`);
  return rows;
}

function ndjsonRows(text: string, file: string): RunRow[] {
  return text.split('\n').flatMap((line, index): RunRow[] => {
    if (line.trim() === '') return [];
    const where = `@${file}: line ${index + 1}`;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {}
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new UsageError(`${where}: expected an object`);
    const { name, ...flags } = row as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string') throw new UsageError(`${where}: expected a name`);
    return [rowOf(name, flags, where)];
  });
}

function tomlRows(text: string, file: string): RunRow[] {
  let tables: Readonly<Record<string, unknown>>;
  try {
    tables = parse(text);
  } catch (error) {
    throw new UsageError(`@${file}: ${(error as Error).message.split('\n')[0]}`);
  }
  return Object.entries(tables).map(([name, flags]) => {
    if (typeof flags !== 'object' || flags === null || Array.isArray(flags))
      throw new UsageError(`@${file}: expected a table for each run, such as [${name}]`);
    return rowOf(name, flags as Readonly<Record<string, unknown>>, `@${file}: run ${name}`);
  });
}

function rowOf(text: string, flags: Readonly<Record<string, unknown>>, where: string): RunRow {
  const name = runName(text);
  const argv = Object.entries(flags).flatMap(([flag, value]): string[] => {
    if (!ALLOWED.has(flag)) throw new UsageError(`${where}: ${flag} is not a flag of a run that a file may have`);
    if (value === false) return [];
    if (value === true) return [`--${flag}`];
    const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
    if (!isText) throw new UsageError(`${where}: ${flag}: expected a text or a number`);
    return [`--${flag}=${value}`];
  });
  return { name, argv, flags: Object.keys(flags) };
}
