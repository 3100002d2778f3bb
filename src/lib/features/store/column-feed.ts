import type { AnyRecord } from '../../model/records.js';
import type { FeatureEngine, SymbolInputs } from '../engine.js';
import { NO_ROWS } from '../symbol-series.js';
import type { InputChunk, InputTable } from './input-kinds.js';

type Feed = {
  /** Records of other types in order of time. */
  readonly others: readonly AnyRecord[];
  /** Inputs before this time are only carried forward; microseconds. */
  readonly from?: number | undefined;
  readonly stopped: AbortSignal;
};

/** Feeds the inputs of a table and records of other types, in order of time, through an engine; yields what follows. */
export async function* fedByColumns(
  engine: FeatureEngine,
  table: InputTable,
  { others, from = 0, stopped }: Feed,
): AsyncGenerator<AnyRecord[]> {
  const symbols = table.symbols.map((identity) => engine.symbol(identity));
  let rows: AnyRecord[] = [];
  let next = 0;
  const addOthers = (until: number) => {
    for (; next < others.length; next++) {
      const record = others[next] as AnyRecord;
      // Of one time a clock comes last.
      if (record.timestamp > until || (record.timestamp === until && record.type === 'clock')) return;
      for (const row of engine.add(record)) rows.push(row);
    }
  };
  const timeOf = (index: number) => others[index]?.timestamp ?? Number.POSITIVE_INFINITY;
  const addRow = (chunk: InputChunk, row: number) => {
    const time = chunk.times[row] as number;
    if (timeOf(next) <= time) addOthers(time);
    const symbol = symbols[chunk.symbol(row)] as SymbolInputs;
    const input = chunk.input(row);
    if (time < from) return symbol.prime(input);
    const following = symbol.add(input);
    // An iterator for each input would cost more than the input.
    if (following !== NO_ROWS) for (const out of following) rows.push(out);
  };
  for await (const chunk of table.chunks()) {
    for (let row = 0; row < chunk.rows; row++) addRow(chunk, row);
    if (stopped.aborted) return;
    if (rows.length === 0) continue;
    yield rows;
    rows = [];
  }
  addOthers(Number.POSITIVE_INFINITY);
  if (rows.length > 0) yield rows;
}
