import { readInput } from '../../input/input.js';
import { CANDLE_SOURCES } from '../../model/market-records.js';
import type { Candle, Market } from '../../model/records.js';

/** The wanted candles; an absent field does not restrict. Times are microseconds, `until` is exclusive. */
type CandleSelection = {
  readonly exchange?: string | undefined;
  readonly market?: Market | undefined;
  readonly symbol?: string | undefined;
  readonly intervals?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/** Receives every line or row that is not a record. */
type BrokenLine = (reason: string) => void;

/** Yields the wanted candles of INPUT (see `readInput`), passing over other records. */
export async function* candlesOfFiles(
  paths: readonly string[],
  selection: CandleSelection,
  broken: BrokenLine,
): AsyncGenerator<Candle> {
  for await (const records of readInput(paths, { broken })) {
    for (const record of records) if (record.type === 'candle' && isWanted(record, selection)) yield record;
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
  const { readStore } = await import('../../storage/reading/store-reader.js');
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
