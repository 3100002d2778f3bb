import { UsageError } from '../model/errors.js';
import { columnsOf, RECORD_TYPES, type RecordType } from '../model/records.js';

/**
 * Returns the record type with these columns: all that it requires, and no unknown ones. A `type` column is ignored here.
 * Throws a `UsageError` when no type or several types match.
 */
export function typeOfColumns(names: readonly string[], path: string): RecordType {
  const given = new Set(names.filter((name) => name !== 'type'));
  const exact = RECORD_TYPES.filter((type) => isExactly(type, given));
  const fitting = exact.length > 0 ? exact : RECORD_TYPES.filter((type) => fits(type, given));
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first;
  const found = [...given].join(', ');
  if (first === undefined)
    throw new UsageError(`${path}: expected the columns of a record type, found ${found}${missing(given)}`);
  throw new UsageError(`${path}: columns ${found} fit ${fitting.join(' and ')}: add a column "type"`);
}

function isExactly(type: RecordType, given: ReadonlySet<string>): boolean {
  const columns = columnsOf(type);
  return columns.length === given.size && columns.every(([name]) => given.has(name));
}

function fits(type: RecordType, given: ReadonlySet<string>): boolean {
  const columns = columnsOf(type);
  const known = new Set(columns.map(([name]) => name));
  return columns.every(([name, { required }]) => !required || given.has(name)) && [...given].every((name) => known.has(name));
}

/** Returns a hint with the missing columns of the nearest type: the usual mistake is one missing column. */
function missing(given: ReadonlySet<string>): string {
  const distances = RECORD_TYPES.map((type) => {
    const columns = columnsOf(type);
    const known = new Set(columns.map(([name]) => name));
    const lacking = columns.flatMap(([name, { required }]) => (required && !given.has(name) ? [name] : []));
    return { type, lacking, distance: lacking.length + [...given].filter((name) => !known.has(name)).length };
  });
  const nearest = distances.sort((a, b) => a.distance - b.distance)[0];
  return nearest && nearest.lacking.length > 0 ? `; ${nearest.type} also needs ${nearest.lacking.join(', ')}` : '';
}
