import { UsageError } from '../model/errors.js';
import { CANDLE_SOURCES } from '../model/market-records.js';
import { decodeRecord, RecordError } from '../model/ndjson.js';
import type { AnyRecord, Candle, Market } from '../model/records.js';
import { readLines } from './lines.js';
import { expandPaths } from './paths.js';

/** Which candles are wanted; what is absent does not restrict. Times are microseconds, `until` is exclusive. */
export type CandleSelection = {
  readonly exchange?: string | undefined;
  readonly market?: Market | undefined;
  readonly symbol?: string | undefined;
  readonly intervals?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/** Told of every line that is no record. */
export type BrokenLine = (reason: string) => void;

/**
 * Yields the wanted candles of NDJSON files (also gzipped, globs, `-` for stdin), passing over other records. Throws a
 * `UsageError` on another kind of file, a `FailureError` on one that cannot be read.
 */
export async function* candlesOfFiles(
  paths: readonly string[],
  selection: CandleSelection,
  broken: BrokenLine,
): AsyncGenerator<Candle> {
  const files = await expandPaths(paths);
  const foreign = files.find((file) => file !== '-' && !/\.ndjson(\.gz)?$/.test(file));
  if (foreign !== undefined) throw new UsageError(`${foreign}: expected candles as .ndjson or .ndjson.gz, - or store`);
  for (const file of files) {
    let number = 0;
    for await (const { lines, truncated } of readLines(file)) {
      for (const line of lines) {
        number++;
        const record = line.trim() === '' ? undefined : decoded(line, (reason) => broken(`${file}:${number}: ${reason}`));
        if (record?.type === 'candle' && isWanted(record, selection)) yield record;
      }
      if (truncated !== undefined) broken(truncated);
    }
  }
}

function decoded(line: string, broken: BrokenLine): AnyRecord | undefined {
  try {
    return decodeRecord(line);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    broken(error.message);
    return undefined;
  }
}

function isWanted(candle: Candle, { exchange, market, symbol, intervals, since, until }: CandleSelection): boolean {
  return (
    (exchange === undefined || candle.exchange === exchange) &&
    (market === undefined || candle.market === market) &&
    (symbol === undefined || candle.symbol === symbol) &&
    (intervals === undefined || intervals.includes(candle.interval)) &&
    (since === undefined || candle.timestamp >= since) &&
    (until === undefined || candle.timestamp < until)
  );
}

/** Yields the wanted candles of the store in `directory`: those built from trades, or where there are none the exchange's. */
export async function* candlesOfStore(directory: string, selection: CandleSelection): AsyncGenerator<Candle> {
  const { readStore } = await import('../storage/store-reader.js');
  const { exchange, market, symbol, intervals, since, until } = selection;
  const wanted = { exchanges: listed(exchange), markets: listed(market), symbols: listed(symbol), intervals, since, until };
  for (const source of CANDLE_SOURCES) {
    let found = false;
    for await (const records of readStore(directory, { types: ['candle'], sources: [source], ...wanted })) {
      for (const record of records) {
        if (record.type !== 'candle') continue;
        found = true;
        yield record;
      }
    }
    if (found) return;
  }
}

function listed<Value>(value: Value | undefined): Value[] | undefined {
  return value === undefined ? undefined : [value];
}
