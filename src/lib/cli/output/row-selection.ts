import { UsageError } from '../../model/errors.js';
import { fieldsOf } from '../../model/ndjson.js';
import { type AnyRecord, IN_BAND_TYPES, RECORD_TYPES, type RecordType } from '../../model/records.js';
import { didYouMean } from '../../model/suggestion.js';
import { hasColumns } from '../../sinks/csv.js';
import type { Sink } from '../../sinks/sink.js';

/** What of the rows is printed: columns in their order, and the first or the last rows. */
export type RowSelection = {
  readonly columns?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly tail?: number | undefined;
};

/** Returns the selection of flags. Throws a `UsageError` when they contradict each other. */
export function rowSelection({ columns, limit, tail }: RowSelection): RowSelection {
  if (limit !== undefined && tail !== undefined) throw new UsageError('--limit and --tail exclude each other');
  return { columns, limit, tail };
}

/** Throws a `UsageError` with a suggestion when a column is not one of `known`. */
export function requireColumns(columns: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = columns?.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(unknown, known) || `; they are ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`;
  throw new UsageError(`--columns: no column "${unknown}"${hint}`);
}

/** Throws a `UsageError` when a column is in none of the types that a step may write. */
export function requireRecordColumns(columns: readonly string[] | undefined, types: readonly RecordType[] = RECORD_TYPES): void {
  const known = new Set(types.flatMap((type) => fieldsOf(type).map(({ name }) => name)));
  requireColumns(columns, ['type', ...known]);
}

/** Returns where a row stands that is printed, as `[from, until)` of all rows. */
export function selectedRange({ limit, tail }: RowSelection, rows: number): { readonly from: number; readonly until: number } {
  return { from: tail === undefined ? 0 : Math.max(0, rows - tail), until: Math.min(rows, limit ?? rows) };
}

/** Returns the objects that are asked for, each with the columns that it has of those named. */
export function selectedObjects(objects: readonly unknown[], selection: RowSelection): unknown[] {
  const { from, until } = selectedRange(selection, objects.length);
  const { columns } = selection;
  return objects.slice(from, until).map((object) => {
    const fields = object as Readonly<Record<string, unknown>>;
    return columns ? Object.fromEntries(columns.filter((name) => name in fields).map((name) => [name, fields[name]])) : object;
  });
}

/** A sink of which a part of the records is asked; `isFull` when no further record can be part of it. */
export type PartSink = Sink & { readonly isFull?: boolean };

/**
 * Returns a sink that passes the first or the last records on. `gap` and `clock` do not count where the format leaves them
 * out, nor do records without any of the columns; everywhere else each line counts.
 */
export function createPartSink(sink: Sink, { columns, limit, tail }: RowSelection, countsInBand: boolean): PartSink {
  if (limit === undefined && tail === undefined) return sink;
  const types = RECORD_TYPES.filter((type) => (countsInBand || !IN_BAND_TYPES.has(type)) && hasColumns(type, columns));
  const part = new Part(limit ?? Number.POSITIVE_INFINITY, tail, new Set(types));
  return {
    output: sink.output,
    get isFull() {
      return part.isFull;
    },
    write: async (records) => {
      const taken = part.take(records);
      if (taken.length > 0) await sink.write(taken);
    },
    async close() {
      if (part.kept.length > 0) await sink.write(part.kept);
      const report = await sink.close();
      return part.isPartial ? { ...report, part: tail === undefined ? 'first' : 'last' } : report;
    },
    abort: () => sink.abort(),
  };
}

class Part {
  readonly kept: AnyRecord[] = [];
  isPartial = false;
  readonly #tail: number | undefined;
  readonly #types: ReadonlySet<RecordType>;
  #left: number;

  constructor(limit: number, tail: number | undefined, types: ReadonlySet<RecordType>) {
    this.#left = limit;
    this.#tail = tail;
    this.#types = types;
  }

  get isFull(): boolean {
    return this.#left <= 0;
  }

  /** Returns the records to write now; the last ones are kept until the end. */
  take(records: readonly AnyRecord[]): readonly AnyRecord[] {
    const counted = records.filter(({ type }) => this.#types.has(type));
    if (this.#tail === undefined) {
      const first = counted.slice(0, Math.max(0, this.#left));
      this.#left -= first.length;
      this.isPartial ||= first.length < counted.length;
      return first;
    }
    const last = counted.slice(-this.#tail || counted.length);
    this.kept.push(...last);
    const surplus = this.kept.splice(0, this.kept.length - this.#tail);
    this.isPartial ||= last.length < counted.length || surplus.length > 0;
    return [];
  }
}
