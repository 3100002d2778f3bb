import { HISTORY_TYPES, type HistoryType } from '../../exchanges/history.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { unreadMetadata } from '../../features/store/progress.js';
import { metadataWithout } from '../../history/fetched-spans.js';
import type { RequestedRange, Topic } from '../../history/topic.js';
import { buildGap } from '../../model/gap.js';
import { parseInterval } from '../../model/interval.js';
import type { Coverage, Gap, Market, RecordType } from '../../model/records.js';
import { withDatabase } from '../../storage/database/duckdb.js';
import { isDateWithin, type Partition } from '../../storage/files/partition.js';
import { findStore } from '../../storage/files/store-directory.js';
import type { Metadata } from '../../storage/log/metadata.js';
import { absolutePath, openStoreContext, type StoreContext } from '../../storage/log/store-context.js';
import type { StoredFile, StoreState } from '../../storage/log/store-state.js';
import { checkFile, type FileDamage } from '../../storage/reading/file-check.js';
import { removeLostFiles } from '../../storage/upkeep/lost-files.js';
import { coverageChannel, gapChannel, isData } from './channels.js';

/** A stored file that is gone or damaged, and its symbols as far as they are known. */
export type LostFile = {
  readonly path: string;
  readonly partition: Partition;
  readonly file: StoredFile;
  readonly damage: FileDamage;
  readonly symbols: readonly string[];
};

/** Damaged files of a store: those that can be quarantined, and those that stay, with the reason. */
export type Losses = {
  readonly context: StoreContext;
  readonly lost: readonly LostFile[];
  readonly staying: readonly (LostFile & { readonly why: string })[];
};

/**
 * Returns the files behind the verdicts `hole` and `mismatch` of `coverage` that are really missing, unreadable or changed:
 * each is compared with the log, whatever `detail` says. Undefined when there are none, or no store. Throws a
 * `FailureError` when a file cannot be inspected.
 */
export async function findLosses(directory: string, coverage: readonly Coverage[]): Promise<Losses | undefined> {
  const paths = coverage.length > 0 ? await findStore(directory) : undefined;
  if (!paths) return undefined;
  const context = openStoreContext(paths);
  const state = await context.log.read();
  const found: LostFile[] = [];
  await withDatabase({}, async (database) => {
    for (const { partition, files } of state.partitions()) {
      const rows = coverage.filter((row) => isAbout(row, partition));
      for (const file of files.filter(({ symbols }) => rows.some(({ symbol }) => isNamed(symbol, symbols)))) {
        const path = absolutePath(context, file);
        const damage = await checkFile(database, path, partition.type, file);
        if (damage) found.push({ path, partition, file, damage, symbols: symbolsOf(state, partition, file, rows) });
      }
    }
  });
  if (found.length === 0) return undefined;
  const judged = found.map((one) => ({ ...one, why: reasonToStay(one) }));
  return { context, lost: judged.filter(({ why }) => why === ''), staying: judged.filter(({ why }) => why !== '') };
}

function isAbout({ exchange, market, channel, fromTimestamp, untilTimestamp }: Coverage, partition: Partition): boolean {
  if (exchange !== partition.exchange || market !== partition.market || channel !== coverageChannel(partition)) return false;
  return isDateWithin(partition.date, fromTimestamp, Math.max(untilTimestamp, fromTimestamp + 1));
}

/** The symbol that `verify` writes for a file with unknown symbols. */
const UNKNOWN = 'unknown';

function isNamed(symbol: string, symbols: readonly string[] | undefined): boolean {
  return symbol === UNKNOWN || (symbols?.includes(symbol) ?? true);
}

/** The log does not list many symbols per file. Then the symbols of the neighbouring files and of the findings count. */
function symbolsOf(state: StoreState, partition: Partition, file: StoredFile, rows: readonly Coverage[]): string[] {
  if (file.symbols) return [...file.symbols];
  const listed = state.partition(partition).flatMap(({ symbols }) => symbols ?? []);
  const reported = rows.map(({ symbol }) => symbol).filter((symbol) => symbol !== UNKNOWN);
  return [...new Set([...listed, ...reported])].sort();
}

function reasonToStay({ partition, damage, symbols }: LostFile): string {
  if (partition.type === 'gap') return 'the recorded gaps are unknown without it; restore it from a backup';
  if (!isData(partition)) return '';
  if (symbols.length === 0) return 'its symbols are unknown; restore it from a backup';
  if (damage.kind === 'changed' && !isHistory(partition.type)) return 'no exchange serves its history; restore it from a backup';
  return '';
}

function isHistory(type: RecordType): type is HistoryType {
  return (HISTORY_TYPES as readonly string[]).includes(type);
}

/**
 * Quarantines lost files and records, in the same change, a `gap` over their time for every series in them. Returns the
 * ranges that the exchanges can serve. `now` is in microseconds. Throws as `removeLostFiles`.
 */
export async function takeOutLosses({ context, lost }: Losses, now: number): Promise<RequestedRange[]> {
  const series = lost.filter(({ partition }) => isData(partition)).flatMap(seriesOf);
  const gaps = series.map((one, index): Gap => gapOf(one, now + index));
  const metadata = (state: StoreState): Metadata => {
    const derived = lost.filter(({ partition }) => !isData(partition));
    return { ...metadataWithout(state.metadata, series.flatMap(rangesOf)), ...unreadMetadata(state, derived) };
  };
  await removeLostFiles(context, { files: lost.map(({ file }) => file), gaps, metadata });
  return series.flatMap(rangesOf);
}

type LostSeries = { readonly partition: Partition; readonly symbol: string; readonly from: number; readonly until: number };

function seriesOf({ partition, file: { min, max }, symbols }: LostFile): LostSeries[] {
  // A candle covers the time until its end.
  const length = partition.type === 'candle' ? parseInterval(partition.interval ?? '').size : 1;
  return symbols.map((symbol) => ({ partition, symbol, from: min, until: max + length }));
}

function gapOf({ partition, symbol, from, until }: LostSeries, localTimestamp: number): Gap {
  const { exchange, market } = partition as { exchange: string; market: Market };
  const series = { exchange, market, symbol, channel: gapChannel(partition) };
  return buildGap(series, { from, until, reason: 'lost', localTimestamp });
}

function rangesOf({ partition: { type, exchange: id, market, interval }, symbol, from, until }: LostSeries): RequestedRange[] {
  const exchange = EXCHANGES.find((candidate) => candidate.id === id);
  if (!exchange || !isHistory(type)) return [];
  const topic: Topic = {
    exchange,
    market: market as Market,
    symbol,
    type,
    ...(type === 'candle' && interval ? { interval } : {}),
  };
  return [{ ...topic, spans: [{ from, until }], isForced: true }];
}
