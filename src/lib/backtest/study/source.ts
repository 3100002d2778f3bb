import { reportContradictions } from '../../input/contradiction.js';
import { readInput } from '../../input/input.js';
import { isPiped } from '../../input/paths.js';
import { UniqueTrades } from '../../input/unique-trades.js';
import { counted } from '../../model/counted.js';
import type { AnyRecord, RecordType, Trade } from '../../model/records.js';
import { isOfSelection, isSelected, type RecordSelection } from '../../model/selection.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import { readByColumns } from './column-source.js';
import { type LoadedMarket, MarketReader, type MarketReaderOptions } from './market-reader.js';

/** Selection of records from files or a store, as plain data. */
export type MarketSource = Omit<MarketReaderOptions, 'broken' | 'memory'> &
  RecordSelection & {
    /** Files, globs, `-`; none for the store. */
    readonly paths: readonly string[];
    readonly directory: string;
    readonly signals: boolean;
  };

type SourceOptions = MarketSource & {
  /** As of `MarketReaderOptions`: it belongs to a machine, not to what is read. */
  readonly memory?: number | undefined;
  /** Called for every line that is not a record. */
  readonly broken: (reason: string) => void;
};

/** Loads the symbols of files or a store. */
export async function loadMarkets(options: SourceOptions): Promise<LoadedMarket[]> {
  const { paths } = options;
  if (paths.length === 0) return await loadStore(options);
  return isPiped(paths) ? await loadPipe(options) : await loadFiles(options);
}

/** Files are read again only when they contradict themselves: then the lines are named. */
async function loadFiles(options: SourceOptions): Promise<LoadedMarket[]> {
  const byColumns = await readByColumns(options);
  if (byColumns) return byColumns.finish();
  let hasConflicts = false;
  const reader = new MarketReader({
    ...options,
    broken() {
      hasConflicts = true;
    },
  });
  for await (const records of readInput(options.paths, options))
    reader.add(records.filter((record) => isWanted(record, options)));
  const markets = reader.finish();
  const isSuspect = (trade: Trade) => isWanted(trade, options) && reader.isConflict(trade);
  if (hasConflicts) await reportContradictions(options.paths, isSuspect, options);
  return markets;
}

/** A pipe cannot be read again: its trades are compared as they arrive. */
async function loadPipe(options: SourceOptions): Promise<LoadedMarket[]> {
  const reader = new MarketReader(options);
  const unique = new UniqueTrades(options.broken, (trade) => isWanted(trade, options));
  for await (const records of unique.filter(readInput(options.paths, unique.listener)))
    reader.add(records.filter((record) => isWanted(record, options)));
  const markets = reader.finish();
  if (unique.duplicates === 0) return markets;
  const note = `${counted(unique.duplicates, 'duplicate trade')} skipped`;
  return markets.map((market, index) => (index === 0 ? { ...market, notes: [...market.notes, note] } : market));
}

async function loadStore(options: SourceOptions): Promise<LoadedMarket[]> {
  const { readStoreByColumns } = await import('./store-columns.js');
  const { directory, exchanges, markets, symbols, interval, since, until } = options;
  const wanted = { exchanges, markets, symbols, until };
  const intervals = interval === undefined ? undefined : [interval];
  const selections: StoreSelection[] = [
    { ...wanted, types: ['instrument'] },
    { ...wanted, since, intervals, types: typesFor(options) },
  ];
  const byColumns = await readStoreByColumns({ ...options, directory, selections });
  if (byColumns) return byColumns.finish();
  const { readStore } = await import('../../storage/reading/store-reader.js');
  const reader = new MarketReader(options);
  for (const selection of selections) for await (const records of readStore(directory, selection)) reader.add(records);
  return reader.finish();
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
