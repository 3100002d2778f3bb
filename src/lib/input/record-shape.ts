import { UsageError } from '../model/errors.js';
import { printable } from '../model/ndjson.js';
import { columnsOf, IN_BAND_TYPES, RECORD_TYPES, type RecordType } from '../model/records.js';

/** Maximum number of column names in a message. */
const NAMED = 12;
const LONGEST_NAME = 40;
/** Columns that most types share; they do not distinguish types. */
const SHARED = new Set(['exchange', 'market', 'symbol', 'timestamp', 'local_timestamp']);

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
  const found = listed([...given]);
  if (first === undefined)
    throw new UsageError(`${path}: expected the columns of a record type, found ${found}${missing(given)}`);
  throw new UsageError(`${path}: columns ${found} fit ${fitting.join(' and ')}: add a column "type"`);
}

/** Returns whether names are the columns of a type, no more and no fewer. */
export function isExactly(type: RecordType, given: ReadonlySet<string>): boolean {
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
    const matching = ownColumns(type).filter((name) => given.has(name)).length;
    return { type, lacking, matching, distance: lacking.length + [...given].filter((name) => !known.has(name)).length };
  });
  const nearest = distances
    .filter(({ type, matching }) => matching > 0 && !IN_BAND_TYPES.has(type))
    .sort((a, b) => a.distance - b.distance)[0];
  if (!nearest) return '; none of these is a column of a record (a CSV file needs a header line)';
  if (nearest.lacking.length > 0) return `; ${nearest.type} also needs ${nearest.lacking.join(', ')}`;
  const known = new Set(columnsOf(nearest.type).map(([name]) => name));
  return `; ${nearest.type} has no column ${listed([...given].filter((name) => !known.has(name)))}`;
}

function ownColumns(type: RecordType): string[] {
  return columnsOf(type)
    .map(([name]) => name)
    .filter((name) => !SHARED.has(name));
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).map((name) => printable(name.slice(0, LONGEST_NAME)));
  return names.length > NAMED ? `${shown.join(', ')} and ${names.length - NAMED} more` : shown.join(', ');
}
