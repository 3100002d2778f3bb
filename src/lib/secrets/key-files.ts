import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { FailureError, UsageError } from '../model/errors.js';
import { type KeyEntry, type KeyFields, type KeySource, keyEntry } from './key-entry.js';

/** Paths of what `keys` keeps, in the folder of the user's configuration. */
export type KeyPaths = { readonly plain: string; readonly encrypted: string; readonly facts: string };

export function keyPaths(environment: NodeJS.ProcessEnv): KeyPaths {
  const folder = join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'mdtool');
  return { plain: join(folder, 'keys.toml'), encrypted: join(folder, 'keys.enc'), facts: join(folder, 'keys.json') };
}

/** Tables by exchange and name: `[bitget.default]`. */
export type KeyTables = Record<string, Record<string, Record<string, string>>>;

/** Returns the content of a file, undefined where it does not exist. Throws a `FailureError` when it cannot be read. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FailureError(`cannot read ${path} (${code ?? 'unknown reason'})`);
  }
}

/**
 * Refuses a file of keys that others can read or that another user owns: such keys are not secret any more, and a message that
 * comes later would be read by nobody.
 */
export function requirePrivate(path: string): void {
  if (process.platform === 'win32') return;
  const { mode, uid } = statSync(path);
  if ((mode & 0o077) !== 0)
    throw new UsageError(`${path}: other users can read it; run chmod 600 ${path}, and replace the keys if others use this host`);
  if (process.getuid !== undefined && uid !== process.getuid())
    throw new UsageError(`${path}: belongs to another user; keys are read from your own files only`);
}

/** Returns the tables of a text. Throws a `UsageError` that names the line and no value. */
export function parseTables(text: string, path: string): KeyTables {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    // The message of the parser shows the line, and with it a key.
    const { line } = error as { line?: number };
    throw new UsageError(`${path}${line === undefined ? '' : `, line ${line}`}: not valid TOML`);
  }
  for (const [exchange, names] of Object.entries(table as object)) {
    const isTable = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isTable(names) || Object.values(names as object).some((value) => !isTable(value)))
      throw new UsageError(`${path}: expected tables such as [${exchange}.default] with key and secret`);
  }
  return table as KeyTables;
}

export function writeTables(tables: KeyTables): string {
  return stringify(tables);
}

/** Returns the key of a table, undefined where there is none. */
export function entryOf(
  tables: KeyTables,
  exchange: string,
  name: string,
  about: { readonly source: KeySource; readonly path: string },
): KeyEntry | undefined {
  const fields: KeyFields | undefined = tables[exchange]?.[name];
  const where = `${about.path}: [${exchange}.${name}]`;
  return fields && keyEntry(exchange, name, fields, { source: about.source, where });
}

/** Writes a file that only the user can read. It appears whole: a crash leaves the old or the new one. */
export function writePrivate(path: string, text: string): void {
  const part = `${path}.${process.pid}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(part, 'w', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(part, 0o600);
    renameSync(part, path);
  } catch (error) {
    throw new FailureError(`cannot write ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
}
