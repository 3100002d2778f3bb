import type { MarketName } from '../../model/series.js';
import { floorToSecond, HOUR } from '../../model/time.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { featureMetadata, requireSameFeatureRules } from './feature-rules.js';
import { type GroupTask, ROWS } from './group-rows.js';
import {
  type BuiltRows,
  createMadeTables,
  finishMadeTables,
  type MakeOptions,
  type MakePlace,
  makeRows,
  replaceRows,
} from './made-rows.js';
import type { Group } from './past-rows.js';
import { type Progress, progressName, progressOf, storedProgress } from './progress.js';
import { hasNews, INPUT_TYPES, inputFiles, type StaleSymbol, staleInSpan, staleSymbols } from './stale-symbols.js';
import { marketClock, marketsOf, typesUntil } from './store-sql.js';

/** Makes rows elsewhere, some days at a time. */
export type RowMaker = {
  /** Returns the midnights up to which rows are made before the rest: no job and no answer gets too large. */
  roundEnds(news: Pick<News, 'stale' | 'limit'>, place: MakePlace): readonly number[];
  /** Adds the rows of some tasks to the tables of `createMadeTables`. */
  fill(tasks: readonly GroupTask[], place: MakePlace, options: MakeOptions): Promise<void>;
  /** Called when rows that were made are in the store. */
  written(): Promise<void>;
};

type BuildOptions = MakeOptions & {
  /** Of which symbols rows are made. */
  readonly selection: Pick<StoreSelection, 'exchanges' | 'markets' | 'symbols'>;
  /** Makes the rows elsewhere; this process alone writes to the store. */
  readonly remote?: RowMaker | undefined;
};

/**
 * Brings the rows of a store up to date with its records: rows of seconds that are over by the market's clock and the
 * grace. What is new, late or repaired is found by the files that were read before; of the symbols concerned all rows
 * from there on are made again and replaced. So the rows are those of one run over everything, whenever it was run. A
 * second call changes nothing. Throws a `UsageError` when the store's rows were made by other rules.
 */
export async function* buildStoredFeatures(context: StoreContext, options: BuildOptions): AsyncGenerator<BuiltRows> {
  requireSameFeatureRules((await context.log.read()).metadata, options.engine);
  const snapshot = await openInputs(context, options);
  try {
    for (const market of marketsOf(snapshot)) {
      if (!options.stopped.aborted) yield* buildMarket({ context, snapshot, market, ...options });
    }
  } finally {
    await snapshot.close();
  }
}

/** Rows of symbols that are not chosen stay: the selection of symbols must not hide them. */
async function openInputs({ paths }: StoreContext, { selection: { exchanges, markets } }: BuildOptions): Promise<StoreSnapshot> {
  return await openSnapshot(paths.location, { exchanges, markets, types: [...INPUT_TYPES, ...ROWS] });
}

type Build = BuildOptions & {
  readonly context: StoreContext;
  readonly snapshot: StoreSnapshot;
  readonly market: MarketName;
};

/** What a market lacks. */
export type News = {
  /** Of the progress of the market. */
  readonly name: string;
  readonly known: Progress | undefined;
  readonly stale: ReadonlyMap<string, StaleSymbol>;
  /** The end of the last row to make, microseconds. */
  readonly limit: number;
};

async function newsOf({ context, snapshot, market, engine, selection: { symbols } }: Build): Promise<News | undefined> {
  const name = [progressName(market.exchange, market.market), ...[...(symbols ?? [])].sort()].join('.');
  const known = storedProgress(snapshot.state, name);
  if (known && !hasNews(snapshot, market, known)) return undefined;
  const stale = await staleSymbols({ snapshot, root: context.paths.root, market, known, symbols });
  if (stale.size === 0) return undefined;
  const limit = Math.max(known?.until ?? 0, floorToSecond((await marketClock(snapshot, market)) - engine.grace));
  return { name, known, stale, limit };
}

async function* buildMarket(build: Build): AsyncGenerator<BuiltRows> {
  const { context, snapshot, market, remote, stopped } = build;
  const news = await newsOf(build);
  if (!news) return;
  const rounds = new Rounds(news.stale);
  const ends = remote?.roundEnds(news, { snapshot, market, location: context.paths.location }) ?? [];
  for (const until of [...ends, undefined]) {
    // Later rounds go on from the rows that the round before has written.
    const current = until === ends[0] ? snapshot : await openInputs(context, build);
    try {
      yield* buildRound({ ...build, snapshot: current }, { news, rounds, until });
    } finally {
      if (current !== snapshot) await current.close();
    }
    if (stopped.aborted) return;
    await remember(build, news, until);
    await remote?.written();
  }
}

type Round = { readonly news: News; readonly rounds: Rounds; readonly until: number | undefined };

async function* buildRound(build: Build, { news, rounds, until }: Round): AsyncGenerator<BuiltRows> {
  const { context, snapshot, market, remote, stopped } = build;
  const stale = await rounds.begin({ snapshot, market }, until);
  if (stale.size === 0) return;
  const groups = grouped(market, stale);
  const limit = until ?? news.limit;
  const tasks = groups.map((group) => ({ group, limit, until, seen: typesUntil(snapshot, group, group.from) }));
  await createMadeTables(snapshot);
  const place = { snapshot, market, location: context.paths.location };
  await (remote ? remote.fill(tasks, place, build) : makeRows(tasks, place, build));
  rounds.end(stale, await finishMadeTables(snapshot));
  // Rows that were not all made must not replace others.
  if (stopped.aborted) return;
  for (const type of ROWS) yield* replaceRows({ context, snapshot, market, groups, until, limit: news.limit }, type);
}

/** Remembers up to where the rows of a market are made. */
async function remember({ context, snapshot, market, engine }: Build, { name, known, limit }: News, until: number | undefined) {
  // Later rows of symbols without news are valid, and must not be made again.
  if (until !== undefined && until < (known?.until ?? 0)) return;
  const progress = progressOf(until ?? limit, inputFiles({ snapshot, market }));
  const text = JSON.stringify(until === undefined ? progress : { ...progress, isPartial: true });
  await changeMetadata(context.paths.location, () => ({ ...featureMetadata(engine), [name]: text }));
}

/** The symbols of the rounds in which the rows of a market are made. */
class Rounds {
  readonly #stale: ReadonlyMap<string, StaleSymbol>;
  /** The end of the last row of each symbol that rows were made of. */
  readonly #rows = new Map<string, number>();
  /** The end of the round before. */
  #from = 0;

  constructor(stale: ReadonlyMap<string, StaleSymbol>) {
    this.#stale = stale;
  }

  /** Returns the symbols of which rows up to `until` are to be made: those that go on, and those whose news begin before. */
  async begin(place: Pick<Build, 'snapshot' | 'market'>, until: number | undefined): Promise<Map<string, StaleSymbol>> {
    const span = { from: this.#from, until };
    this.#from = until ?? this.#from;
    const stale = this.#rows.size === 0 ? new Map() : await staleInSpan({ ...place, span, rows: this.#rows });
    for (const [symbol, news] of this.#stale)
      if (!this.#rows.has(symbol) && (until === undefined || news.first < until)) stale.set(symbol, news);
    return stale;
  }

  /** Takes the last rows of the symbols that rows were made of. */
  end(stale: ReadonlyMap<string, StaleSymbol>, last: ReadonlyMap<string, number>): void {
    for (const [symbol, { from }] of stale) this.#rows.set(symbol, last.get(symbol) ?? from);
  }
}

/** Symbols that go on within the same hour go on together. */
function grouped(market: MarketName, stale: ReadonlyMap<string, StaleSymbol>): Group[] {
  const groups = new Map<number, { from: number; symbols: string[] }>();
  for (const [symbol, { from }] of stale) {
    const hour = Math.floor(from / HOUR);
    const group = groups.get(hour) ?? { from, symbols: [] };
    groups.set(hour, { from: Math.min(group.from, from), symbols: [...group.symbols, symbol] });
  }
  return [...groups.values()].map((group) => ({ ...market, ...group }));
}
