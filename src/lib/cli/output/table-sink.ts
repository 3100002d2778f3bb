import type { Writable } from 'node:stream';
import { counted } from '../../model/counted.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Sink } from '../../sinks/sink.js';
import { TextStream } from '../../sinks/stdout.js';
import { createColors } from './colors.js';
import { LineLayout } from './line-layout.js';
import { renderTable, tableOf } from './table.js';

export type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number };

type TableOptions = {
  readonly stream: Terminal;
  /** Number of rows shown per type, and whether they are the first or the last ones. */
  readonly rows: number;
  readonly keep: 'first' | 'last';
  /** The columns to show, in their order; by default all that have a value. */
  readonly columns?: readonly string[] | undefined;
  /** Takes hints about rows and columns that are not shown. */
  readonly note: (text: string) => void;
};

/** Width of a table without a terminal. */
const DEFAULT_WIDTH = 160;

/** Returns a sink that prints one table per type when it is closed. */
export function createTableSink(options: TableOptions): Sink {
  return new TableSink(options);
}

class TableSink implements Sink {
  readonly output = '-';
  readonly #options: TableOptions;
  readonly #stream: TextStream;
  readonly #kept = new Map<RecordType, AnyRecord[]>();
  readonly #counts = new Map<RecordType, number>();

  constructor(options: TableOptions) {
    this.#options = options;
    this.#stream = new TextStream(options.stream);
  }

  async write(records: readonly AnyRecord[]): Promise<void> {
    for (const record of records) this.#keep(record);
  }

  async close() {
    let records = 0;
    for (const [type, kept] of this.#kept) {
      await this.#print(type, kept);
      records += this.#counts.get(type) ?? 0;
    }
    await this.#stream.flush();
    return { output: this.output, records, skipped: {} };
  }

  async abort(): Promise<void> {}

  #keep(record: AnyRecord): void {
    const { rows, keep } = this.#options;
    const kept = this.#kept.get(record.type) ?? [];
    this.#kept.set(record.type, kept);
    this.#counts.set(record.type, (this.#counts.get(record.type) ?? 0) + 1);
    if (kept.length === rows && keep === 'first') return;
    kept.push(record);
    if (kept.length > rows) kept.shift();
  }

  async #print(type: RecordType, kept: readonly AnyRecord[]): Promise<void> {
    const { stream, note, keep, columns } = this.#options;
    const table = tableOf(type, kept, columns);
    if (table.columns.length === 0) return;
    const { text, notes } = await renderTable(table, widthOf(stream), createColors(stream));
    await this.#stream.write(`${text}\n`);
    const more = (this.#counts.get(type) ?? 0) - kept.length;
    if (more > 0)
      note(
        `… ${counted(more, keep === 'first' ? `more ${type} row` : `earlier ${type} row`)} (use --format ndjson or -o FILE for all)`,
      );
    for (const line of notes) note(line);
  }
}

/** Returns a sink that prints one aligned line per record as it arrives; clocks have none. */
export function createLineSink(stream: Terminal): Sink {
  const text = new TextStream(stream);
  const layout = new LineLayout(() => widthOf(stream), createColors(stream));
  let records = 0;
  return {
    output: '-',
    write(batch) {
      records += batch.length;
      const lines = batch.flatMap((record) => layout.lines(record));
      return lines.length > 0 ? text.write(`${lines.join('\n')}\n`) : Promise.resolve();
    },
    async close() {
      await text.flush();
      return { output: '-', records, skipped: {} };
    },
    async abort() {},
  };
}

function widthOf({ columns }: Terminal): number {
  return columns ?? DEFAULT_WIDTH;
}
