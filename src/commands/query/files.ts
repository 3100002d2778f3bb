import { readFileSync } from 'node:fs';
import { systemReason } from '../../lib/disk/system-reason.js';
import { FailureError, UsageError } from '../../lib/model/errors.js';

const VIEW = /^([A-Za-z_]\w*)=(.+)$/;

/** The statement, undefined without one, and the paths of files by the names of their views. */
type Request = { readonly sql: string | undefined; readonly files: Readonly<Record<string, string>> };

/** Returns what the argument and `--file` ask for. `-` as argument or path is stdin. */
export function statementAndFiles(argument: string | undefined, values: readonly string[] = []): Request {
  const files: Record<string, string> = {};
  const statements: string[] = [];
  for (const value of values) {
    const [, name, path] = VIEW.exec(value) ?? [];
    if (name === undefined || path === undefined || /\.sql$/i.test(value)) statements.push(value);
    else if (Object.keys(files).some((known) => known.toLowerCase() === name.toLowerCase()))
      throw new UsageError(`--file: ${name} appears twice`);
    else files[name] = path;
  }
  const [file, second] = statements;
  if (second !== undefined) throw new UsageError('query: expected one file with the statement; --file NAME=PATH makes a view');
  return { sql: statementOf(argument, file), files };
}

function statementOf(argument: string | undefined, file: string | undefined): string | undefined {
  if (argument !== undefined && file !== undefined) throw new UsageError('query: use either SQL or --file, not both');
  if (file === undefined && argument !== '-') return argument;
  const path = file ?? '-';
  if (/\.(csv|tsv|ndjson|jsonl|json|parquet|gz|zst|zip)$/i.test(path))
    throw new UsageError(`--file ${path}: expected a statement; --file NAME=${path} makes a view of it`);
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read the statement from ${path}: ${systemReason(error)}`, { cause: error });
  }
}
