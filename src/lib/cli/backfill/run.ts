import type { Exchange } from '../../exchanges/exchange.js';
import type { HistoryType, Span } from '../../exchanges/history.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { BrokenLines } from '../../ingest/broken-lines.js';
import { isUrl } from '../../ingest/history/archive-rows.js';
import { archiveRuns, backfill, errandRuns, type Run } from '../../ingest/history/backfill.js';
import { BackfillStore } from '../../ingest/history/backfill-store.js';
import { coverageWants } from '../../ingest/history/coverage-wants.js';
import { launchKey, listedWants, topicsOf } from '../../ingest/history/listed-wants.js';
import { type Errand, planErrand } from '../../ingest/history/plan.js';
import { RestClient } from '../../ingest/history/rest-client.js';
import { readStoredKeys } from '../../ingest/history/stored-keys.js';
import { NOTHING_STORED, readStoredSpans, type StoredSpans } from '../../ingest/history/stored-spans.js';
import type { Topic, Want } from '../../ingest/history/want.js';
import { expandPaths } from '../../ingest/paths.js';
import { listSymbols, liveSymbolSources } from '../../ingest/symbol-list.js';
import type { UniverseOptions } from '../../ingest/universe.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, Instrument, Market } from '../../model/records.js';
import { createHttpClient, type HttpClient, type HttpSender } from '../../transport/http.js';
import type { Summary } from '../summary.js';
import { symbolListener } from '../symbols/run.js';
import { type AfterLosses, settleLosses } from './losses.js';
import { planSummary } from './plan-rows.js';
import { BackfillProgress, type ProgressOptions } from './progress.js';
import { Shortfall } from './shortfall.js';

/** The parsed flags of `backfill`; times are microseconds. */
export type BackfillFlags = UniverseOptions & {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly HistoryType[];
  readonly interval?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly store: string;
  readonly plan: boolean;
};

export type BackfillContext = {
  /** INPUT: coverage or archives; none where the flags say what is wanted. */
  readonly paths: readonly string[];
  readonly flags: BackfillFlags;
  /** Whether the store is read and filled; else everything asked for is fetched. */
  readonly intoStore: boolean;
  readonly origin: (exchange: Exchange) => string;
  readonly stopped: AbortSignal;
  readonly version: string;
  readonly summary: Summary;
  readonly notice: (text: string) => void;
  readonly note: (text: string) => void;
  readonly warn: (text: string) => void;
};

type Clients = { readonly http: HttpClient & HttpSender; readonly rest: RestClient };

/** What is to be fetched, and how. `close` ends the connections. */
export type PreparedBackfill = {
  readonly errands: readonly Errand[];
  /** The plan in one line, where there is one. */
  readonly said: string | undefined;
  run(progress: ProgressOptions): AsyncGenerator<readonly AnyRecord[]>;
  summarize(summary: Summary): void;
  close(): Promise<void>;
};

/** Finds out what is missing. Throws a `UsageError` on flags that say too little, an `UnreachableError` without lists. */
export async function prepareBackfill(asked: BackfillContext): Promise<PreparedBackfill> {
  const paths = await Promise.all(asked.paths.map(async (path) => (isUrl(path) ? [path] : await expandPaths([path]))));
  const context = { ...asked, paths: paths.flat() };
  const isArchives = isOfArchives(context);
  if (isArchives && context.flags.plan)
    throw new UsageError('--plan: archives are read whole; it is for what is fetched by request');
  const clients = await openClients(context);
  try {
    const now = Date.now() * 1_000;
    const errands = await errandsOf(context, clients, now);
    const shortfall = { current: new Shortfall() };
    return {
      errands,
      // Where a list could not be had, that is what there is to say.
      said: isArchives || (errands.length === 0 && context.summary.hasUnreachable) ? undefined : planSummary(errands, now),
      run: (options) => runAll(context, clients, errands, { options, keep: (made) => (shortfall.current = made) }),
      summarize: (summary) => shortfall.current.summarize(summary, errands.filter(({ spans }) => spans.length > 0).length),
      close: () => clients.http.close(),
    };
  } catch (error) {
    await clients.http.close();
    throw error;
  }
}

async function openClients({ version, stopped, origin, warn }: BackfillContext): Promise<Clients> {
  const http = await createHttpClient({ userAgent: `mdtool/${version}`, signal: stopped });
  return { http, rest: new RestClient({ http, origin, signal: stopped, onWait: warn }) };
}

async function errandsOf(context: BackfillContext, clients: Clients, now: number): Promise<Errand[]> {
  const { flags, intoStore, paths } = context;
  const read = (topics: readonly Topic[]) =>
    intoStore && topics.length > 0 ? readStoredSpans(flags.store, topics) : NOTHING_STORED;
  if (isOfArchives(context)) return [];
  if (paths.length > 0) {
    const { wants, isReadable } = await wantsOfInput(context, now);
    return planned(wants, isReadable ? await read(wants) : NOTHING_STORED, now);
  }
  const instruments = await instrumentsOf(context, clients);
  const topics = topicsOf(instruments, { types: flags.channels, intervals: intervalsOf(flags) });
  const stored = await read(topics);
  const launches = new Map(instruments.map((instrument) => [launchKey(instrument), instrument.launchTimestamp ?? 0]));
  return planned(
    listedWants(topics, stored, { since: flags.since, until: Math.min(flags.until ?? now, now), launches }),
    stored,
    now,
  );
}

/** Archives are `.csv[.gz]` files and URLs; all other INPUT is coverage. Throws a `UsageError` on both at once. */
function isOfArchives({ paths }: Pick<BackfillContext, 'paths'>): boolean {
  const archives = paths.filter((path) => isUrl(path) || /\.csv(?:\.gz)?$/.test(path));
  if (archives.length > 0 && archives.length < paths.length)
    throw new UsageError('expected either coverage (- or .ndjson) or archives (.csv, .csv.gz, URLs) as INPUT, found both');
  return archives.length > 0;
}

function planned(wants: readonly Want[], stored: StoredSpans, now: number): Errand[] {
  return wants.map((want) => planErrand(want, { now, stored }));
}

function intervalsOf({ channels, interval = [] }: BackfillFlags): readonly string[] {
  if (channels.includes('candle') && interval.length === 0)
    throw new UsageError('--channels candle: expected --interval, such as 1m,1h');
  if (!channels.includes('candle') && interval.length > 0)
    throw new UsageError('--interval is for the channel candle: add it to --channels');
  return interval;
}

async function wantsOfInput({ paths, notice, summary, ...context }: BackfillContext, now: number): Promise<AfterLosses> {
  const broken = new BrokenLines(notice);
  const { wants, without, read, flawed } = await coverageWants(paths, broken);
  const { intoStore, flags, note } = context;
  const settled = intoStore
    ? await settleLosses(flawed, wants, { ...flags, isPlan: flags.plan, now, note, summary })
    : { wants, rebuilt: new Set<string>(), isReadable: true };
  if (broken.count > 0) summary.incomplete(`${broken.count} lines of the input could not be read`);
  if (read === 0) notice('no coverage came in; mdtool verify --format ndjson writes it');
  for (const [channel, holes] of [...without].filter(([name]) => !settled.rebuilt.has(name))) {
    const why = channel.startsWith('candle_') ? 'mdtool candles builds them of trades' : 'no exchange tells its past';
    summary.incomplete(`${holes} holes of ${channel} cannot be filled: ${why}`);
  }
  return settled;
}

async function instrumentsOf(context: BackfillContext, { http }: Clients): Promise<Instrument[]> {
  const { flags, summary, notice, note, origin, stopped } = context;
  const { exchange = [], market = [] } = flags;
  if (exchange.length === 0) throw new UsageError('expected --exchange, or INPUT that says what to fill');
  if (market.length === 0) throw new UsageError('expected --market: spot, linear, inverse, or several of them');
  intervalsOf(flags);
  refuseAbsent(flags, exchange, market);
  const listener = symbolListener(summary, notice, note);
  const query = { ...flags, markets: market, notation: 'native' as const, signal: stopped };
  const instruments: Instrument[] = [];
  for await (const batch of listSymbols(liveSymbolSources(exchange, http, origin), query, listener)) instruments.push(...batch);
  return instruments;
}

/** A kind of history that none of the exchanges and markets has is a mistake; one that some have is told in the end. */
function refuseAbsent(flags: BackfillFlags, exchanges: readonly Exchange[], markets: readonly Market[]): void {
  const now = Date.now() * 1_000;
  for (const type of flags.channels) {
    const intervals = type === 'candle' ? intervalsOf(flags) : [undefined];
    for (const interval of intervals) {
      const reaches = exchanges.flatMap(({ history }) => markets.map((market) => history.reach(type, market, interval, now)));
      if (reaches.every(({ kind }) => kind === 'none'))
        throw new UsageError(`--channels ${type}: ${[...new Set(reaches.map(({ note }) => note))].join('; ')}`);
    }
  }
}

type Running = { readonly options: ProgressOptions; keep(shortfall: Shortfall): void };

async function* runAll(
  context: BackfillContext,
  clients: Clients,
  errands: readonly Errand[],
  { options, keep }: Running,
): AsyncGenerator<readonly AnyRecord[]> {
  const { flags, intoStore, stopped, summary, warn } = context;
  const progress = new BackfillProgress(options);
  let records = 0;
  const listener = new Shortfall((share) => progress.update(share, records));
  keep(listener);
  const runs = isOfArchives(context) ? archivesOf(context, listener) : errandsRun(context, clients, errands, listener);
  const store = intoStore && runs.length > 0 ? await BackfillStore.open(flags.store, warn) : undefined;
  try {
    for await (const batch of backfill(runs, { store, listener, now: microseconds })) {
      records += batch.length;
      yield batch;
    }
    if (stopped.aborted) summary.incomplete('stopped before everything was fetched; the next run goes on from here');
  } finally {
    progress.end();
    await store?.close();
  }
}

function errandsRun(
  { flags, intoStore, stopped }: BackfillContext,
  { rest }: Clients,
  errands: readonly Errand[],
  listener: Shortfall,
): Run[] {
  const keys = async (topic: Topic, span: Span) => (intoStore ? await readStoredKeys(flags.store, topic, span) : new Map());
  return errandRuns(errands, { client: rest, now: microseconds, keys, inOrder: !intoStore, signal: stopped, listener });
}

function archivesOf({ paths, flags, intoStore, stopped, version, summary }: BackfillContext, listener: Shortfall): Run[] {
  return archiveRuns(paths, {
    exchanges: flags.exchange ?? EXCHANGES,
    store: intoStore ? flags.store : undefined,
    wanted: { from: flags.since ?? 0, until: flags.until ?? Number.POSITIVE_INFINITY },
    now: microseconds,
    onCut: (reason) => summary.incomplete(reason),
    userAgent: `mdtool/${version}`,
    signal: stopped,
    listener,
  });
}

function microseconds(): number {
  return Date.now() * 1_000;
}
