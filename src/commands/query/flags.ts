import { readFileSync } from 'node:fs';
import { FailureError, UsageError } from '../../lib/model/errors.js';
import { systemReason } from '../../lib/sinks/system-reason.js';

/** Returns the statement that the argument or `--file` holds, undefined when there is none. `-` is stdin. */
export function statementOf(argument: string | undefined, file: string | undefined): string | undefined {
  if (argument !== undefined && file !== undefined) throw new UsageError('query: expected a statement or --file, found both');
  if (file === undefined && argument !== '-') return argument;
  const path = file ?? '-';
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read the statement from ${path}: ${systemReason(error)}`, { cause: error });
  }
}
