import { symbolListener } from '../../lib/cli/symbol-listener.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { historyOf } from '../../lib/exchanges/history.js';
import { isUrl } from '../../lib/history/archive-rows.js';
import { rangesFromCoverage } from '../../lib/history/coverage-ranges.js';
import { type FetchTask, planFetchTask } from '../../lib/history/fetch-task.js';
import { listedRanges, topicsOf } from '../../lib/history/listed-ranges.js';
import { NOTHING_STORED, readStoredSpans, type StoredSpans } from '../../lib/history/stored-spans.js';
import type { RequestedRange, Topic } from '../../lib/history/topic.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { createLastGoodLists } from '../../lib/instruments/last-good-lists.js';
import { createLiveSymbolSources, listSymbols } from '../../lib/instruments/symbol-list.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import type { Instrument, Market } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';
import type { HttpClient } from '../../lib/transport/http.js';
import type { BackfillContext, BackfillFlags } from './context.js';
import { type AfterLosses, settleLosses } from './losses.js';

/**
 * Returns the fetch tasks: ranges named by coverage, or requested by flags and missing in the store; none for archives.
 * Throws a `UsageError` on incomplete flags, an `UnreachableError` without instrument lists.
 */
export async function buildFetchTasks(context: BackfillContext, http: HttpClient, now: number): Promise<FetchTask[]> {
  const { flags, intoStore, paths } = context;
  const read = (topics: readonly Topic[]) =>
    intoStore && topics.length > 0 ? readStoredSpans(flags.store, topics) : NOTHING_STORED;
  if (isOfArchives(context)) return [];
  if (paths.length > 0) {
    const { ranges, isReadable } = await rangesOfInput(context, now);
    return planned(ranges, isReadable ? await read(ranges) : NOTHING_STORED, now);
  }
  const instruments = await instrumentsOf(context, http);
  const topics = topicsOf(instruments, { types: flags.channels, intervals: intervalsOf(flags) });
  const stored = await read(topics);
  const launches = new Map(instruments.map((instrument) => [seriesKey(instrument), instrument.launchTimestamp]));
  return planned(
    listedRanges(topics, stored, { since: flags.since, until: Math.min(flags.until ?? now, now), launches }),
    stored,
    now,
  );
}

/** Returns whether INPUT is archives: `.csv[.gz]` files and URLs; all other INPUT is coverage. Throws a `UsageError` on both at once. */
export function isOfArchives({ paths }: Pick<BackfillContext, 'paths'>): boolean {
  const archives = paths.filter((path) => isUrl(path) || /\.csv(?:\.gz)?$/.test(path));
  if (archives.length > 0 && archives.length < paths.length)
    throw new UsageError('INPUT must be either coverage (- or .ndjson) or archives (.csv, .csv.gz, URLs), not both');
  return archives.length > 0;
}

function planned(ranges: readonly RequestedRange[], stored: StoredSpans, now: number): FetchTask[] {
  return ranges.map((range) => planFetchTask(range, { now, stored }));
}

function intervalsOf({ channels, interval = [] }: BackfillFlags): readonly string[] {
  if (channels.includes('candle') && interval.length === 0)
    throw new UsageError('--channels candle needs --interval, such as 1m,1h');
  if (!channels.includes('candle') && interval.length > 0) throw new UsageError('--interval needs --channels candle');
  return interval;
}

async function rangesOfInput({ paths, notice, summary, ...context }: BackfillContext, now: number): Promise<AfterLosses> {
  const broken = new BrokenLines(notice);
  const { ranges, without, read, flawed } = await rangesFromCoverage(paths, broken);
  const { intoStore, flags, note } = context;
  const settled = intoStore
    ? await settleLosses(flawed, ranges, { ...flags, isPlan: flags.plan, now, note, summary })
    : { ranges, rebuilt: new Set<string>(), isReadable: true };
  if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
  if (read === 0) notice('no coverage in the input; mdtool verify --format ndjson writes it');
  for (const [channel, gaps] of [...without].filter(([name]) => !settled.rebuilt.has(name))) {
    const why = channel.startsWith('candle_') ? 'mdtool candles builds them from trades' : 'no exchange serves its history';
    summary.incomplete(`${counted(gaps, 'gap')} of ${channel} cannot be filled: ${why}`);
  }
  return settled;
}

async function instrumentsOf(context: BackfillContext, http: HttpClient): Promise<Instrument[]> {
  const { flags, summary, notice, note, origin, stopped } = context;
  const { exchange = [], market = [] } = flags;
  if (exchange.length === 0) throw new UsageError('missing --exchange (or an INPUT that names what to fill)');
  if (market.length === 0) throw new UsageError('missing --market (spot, linear, inverse, or several of them)');
  intervalsOf(flags);
  refuseAbsent(flags, exchange, market);
  const listener = symbolListener(summary, notice, note);
  const fallback = createLastGoodLists(flags.store, notice);
  const query = { ...flags, markets: market, notation: 'native' as const, signal: stopped, fallback };
  const instruments: Instrument[] = [];
  for await (const batch of listSymbols(createLiveSymbolSources(exchange, http, origin), query, listener))
    instruments.push(...batch);
  return instruments;
}

/** Throws a `UsageError` for a kind of history that none of the exchanges and markets serves. */
function refuseAbsent(flags: BackfillFlags, exchanges: readonly Exchange[], markets: readonly Market[]): void {
  const now = Date.now() * 1_000;
  for (const type of flags.channels) {
    const intervals = type === 'candle' ? intervalsOf(flags) : [undefined];
    for (const interval of intervals) {
      const reaches = exchanges.flatMap((exchange) =>
        markets.map((market) => historyOf(exchange).reach(type, market, interval, now)),
      );
      if (reaches.every(({ kind }) => kind === 'none'))
        throw new UsageError(`--channels ${type}: ${[...new Set(reaches.map(({ note }) => note))].join('; ')}`);
    }
  }
}
