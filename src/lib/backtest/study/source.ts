import { readInput } from '../../input/input.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import { isOfSelection, isSelected, type RecordSelection } from '../../model/selection.js';
import { type LoadedMarket, MarketReader, type MarketReaderOptions } from './market-reader.js';

/** Selection of records from files or a store. */
type SourceOptions = MarketReaderOptions &
  RecordSelection & {
    /** Files, globs, `-`; none for the store. */
    readonly paths: readonly string[];
    readonly directory: string;
    readonly signals: boolean;
    /** Called for every line that is not a record. */
    readonly broken: (reason: string) => void;
  };

/** Loads the symbols of files or a store. */
export async function loadMarkets(options: SourceOptions): Promise<LoadedMarket[]> {
  const reader = new MarketReader(options);
  if (options.paths.length === 0) await addStore(options, reader);
  else
    for await (const records of readInput(options.paths, options))
      reader.add(records.filter((record) => isWanted(record, options)));
  return reader.finish();
}

async function addStore(options: SourceOptions, reader: MarketReader): Promise<void> {
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

/** An instrument holds from its time on, also for records after it. */
function isWanted(record: AnyRecord, options: SourceOptions): boolean {
  return record.type === 'instrument' ? isOfSelection(record, options) : isSelected(record, options);
}
