import { readInput } from '../../input/input.js';
import type { AnyRecord, Market, RecordType } from '../../model/records.js';
import { type LoadedMarket, MarketReader, type MarketWishes } from './market-reader.js';

/** What of an input, or of a store, a backtest runs on. */
export type SourceOptions = MarketWishes & {
  /** Files, globs, `-`; none for the store. */
  readonly paths: readonly string[];
  readonly directory: string;
  readonly exchanges?: readonly string[] | undefined;
  readonly markets?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly signals: boolean;
  /** Told of every line that is no record. */
  readonly broken: (reason: string) => void;
};

/** Returns the symbols of an input or a store, ready to be run on. */
export async function loadMarkets(options: SourceOptions): Promise<LoadedMarket[]> {
  const reader = new MarketReader(options);
  if (options.paths.length === 0) await fromStore(options, reader);
  else
    for await (const records of readInput(options.paths, options))
      reader.add(records.filter((record) => isWanted(record, options)));
  return reader.finish();
}

async function fromStore(options: SourceOptions, reader: MarketReader): Promise<void> {
  const { readStore } = await import('../../storage/reading/store-reader.js');
  const { directory, exchanges, markets, symbols, interval, since, until } = options;
  const wanted = { exchanges, markets, symbols, until };
  for await (const records of readStore(directory, { ...wanted, types: ['instrument'] })) reader.add(records);
  const intervals = interval === undefined ? undefined : [interval];
  for await (const records of readStore(directory, { ...wanted, since, intervals, types: typesFor(options) }))
    reader.add(records);
}

function typesFor({ interval, signals, books }: SourceOptions): RecordType[] {
  return [
    interval === undefined ? 'trade' : 'candle',
    'gap',
    'funding',
    'mark_price',
    ...(signals ? (['signal'] as const) : []),
    ...(books ? (['book_snapshot'] as const) : []),
  ];
}

function isWanted(record: AnyRecord, { exchanges, markets, symbols, since, until }: SourceOptions): boolean {
  if (exchanges && !exchanges.includes(record.exchange ?? '')) return false;
  if (markets && !(markets as readonly string[]).includes(record.market ?? '')) return false;
  if (symbols && 'symbol' in record && !symbols.includes(record.symbol ?? '')) return false;
  if (record.type === 'instrument') return true;
  return (since === undefined || record.timestamp >= since) && (until === undefined || record.timestamp < until);
}
