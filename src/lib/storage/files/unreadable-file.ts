import { FailureError } from '../../model/errors.js';
import { databaseReason } from './database-reason.js';

/** Returns DuckDB's error about an unreadable Parquet file as one line that names the file, undefined for other errors. */
export function unreadableFile(error: unknown): FailureError | undefined {
  const message = String((error as Error | undefined)?.message ?? error);
  const path = /['"]([^'"]+\.parquet)['"]/.exec(message)?.[1]?.replace(/\[([*?[])\]/g, '$1');
  if (!path || /Binder Error|Parser Error|Catalog Error/.test(message)) return undefined;
  return new FailureError(
    `${path} cannot be read (${databaseReason(error)}); move it away or restore it (all other files stay readable)`,
    { cause: error },
  );
}
